// An exchange's public ticker, played: Binance's form, one price, or no answer that can be used.
import { createServer, type Server as Http } from "node:http";
import type { AddressInfo } from "node:net";

export class Ticker {
  price = "2.5";
  broken = false;
  asked = 0;
  private readonly http: Http = createServer((_, answer) => {
    this.asked++;
    if (this.broken) answer.statusCode = 500;
    answer.end(this.broken ? "out of order" : JSON.stringify({ symbol: "XRPUSDT", price: this.price }));
  });

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.http.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  close(): void {
    this.http.closeAllConnections();
    this.http.close();
  }
}
