// Candles with the lines that matter to the person: entry, liquidation, open orders. The chart library is big and is
// fetched when the page stands.
import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { CandlestickData, IPriceLine, ISeriesApi, UTCTimestamp } from "lightweight-charts";
import { call } from "../shared/api";
import * as decimal from "../shared/decimal";
import type { Candle } from "../shared/types";
import { Choice } from "../shared/ui";
import { instrument, lastCandle, market, orders, positions, symbol, theme, timeframe } from "./state";

const FOLLOW_MS = 200;
const FRAMES = [["1m", "1m"], ["5m", "5m"], ["15m", "15m"], ["1h", "1h"], ["4h", "4h"], ["1D", "1D"]] as const;

function bar(candle: Candle): CandlestickData<UTCTimestamp> {
  return {
    time: Math.floor(candle.t / 1000) as UTCTimestamp,
    open: Number(candle.o), high: Number(candle.h), low: Number(candle.l), close: Number(candle.c),
  };
}

interface Line {
  price: string;
  title: string;
  tone: string;
  dashed: boolean;
}

/** What is drawn across the chart for this instrument. */
function lines(): Line[] {
  const result: Line[] = [];
  for (const row of positions.value) {
    if (row.instrument_name !== symbol.value) continue;
    const name = row.isolation_id ? "Isolated" : "Cross";
    result.push({ price: row.average_price, title: `${name} entry`, tone: "--accent", dashed: false });
    if (row.isolation_id && row.liquidation_price)
      result.push({ price: row.liquidation_price, title: "Liquidation", tone: "--warn", dashed: false });
  }
  for (const order of orders.value) {
    if (order.instrument_name !== symbol.value) continue;
    const price = order.ref_price && decimal.sign(decimal.of(order.ref_price)) ? order.ref_price : order.limit_price;
    if (decimal.sign(decimal.of(price)) > 0)
      result.push({ price, title: `${order.side === "BUY" ? "Buy" : "Sell"} ${order.quantity}`, tone: order.side === "BUY" ? "--up" : "--down", dashed: true });
  }
  return result;
}

async function draw(host: HTMLElement, stop: Set<() => void>): Promise<void> {
  const library = await import("lightweight-charts");
  if (!host.isConnected) return;
  const chart = library.createChart(host, { autoSize: true, layout: { attributionLogo: true, fontSize: 11 } });
  const series: ISeriesApi<"Candlestick"> = chart.addSeries(library.CandlestickSeries);
  // Its last value would stand among the prices of the axis.
  const volume = chart.addSeries(library.HistogramSeries, {
    priceScaleId: "", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false,
  });
  volume.priceScale().applyOptions({ scaleMargins: { top: 0.85, bottom: 0 } });
  const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let drawn: IPriceLine[] = [];
  let known = "";
  const drawLines = (): void => {
    const wanted = lines();
    const key = theme.value + JSON.stringify(wanted);
    if (key === known) return;
    known = key;
    drawn.forEach((line) => series.removePriceLine(line));
    drawn = wanted.map((line) => series.createPriceLine({
      price: Number(line.price), title: line.title, color: colour(line.tone), axisLabelTextColor: colour("--panel"), lineWidth: 1,
      lineStyle: line.dashed ? library.LineStyle.Dashed : library.LineStyle.Solid, axisLabelVisible: true,
    }));
  };
  const paint = (): void => {
    chart.applyOptions({
      layout: { background: { color: colour("--panel") }, textColor: colour("--dim") },
      grid: { vertLines: { color: colour("--line") }, horzLines: { color: colour("--line") } },
      rightPriceScale: { borderColor: colour("--line") },
      timeScale: { borderColor: colour("--line"), timeVisible: true, rightOffset: 6 },
    });
    const up = colour("--up"), down = colour("--down");
    series.applyOptions({ upColor: up, wickUpColor: up, borderUpColor: up, downColor: down, wickDownColor: down, borderDownColor: down });
    drawLines();
  };
  let round = 0;
  const load = async (name: string, frame: string): Promise<void> => {
    const mine = ++round;
    const answer = await call<{ data: Candle[] }>("public/get-candlestick", { instrument_name: name, timeframe: frame, count: 300, start_ts: 0 });
    if (mine !== round) return;
    series.setData(answer.data.map(bar));
    volume.setData(answer.data.map((one) => ({ time: bar(one).time, value: Number(one.v), color: colour("--line-strong") })));
    chart.timeScale().scrollToRealTime();
  };
  stop.add(effect(() => {
    const places = instrument.value?.quote_decimals ?? 2;
    series.applyOptions({ priceFormat: { type: "price", precision: places, minMove: Number(instrument.value?.price_tick_size ?? 0.01) } });
    chart.applyOptions({ localization: { priceFormatter: (price: number) => decimal.spaced(price.toFixed(places)) } });
  }));
  stop.add(effect(() => void (theme.value, requestAnimationFrame(paint))));
  // After an outage the candles in between are asked for again.
  stop.add(effect(() => {
    if (market.link.value === "live") load(symbol.value, timeframe.value).catch(() => undefined);
  }));
  // The picture follows five times a second: a frame of its own for each trade costs more than all the rest of the page.
  let waiting = 0;
  const drawCandle = (): void => {
    waiting = 0;
    const candle = lastCandle.peek();
    if (!candle) return;
    try {
      series.update(bar(candle));
      volume.update({ time: bar(candle).time, value: Number(candle.v), color: colour("--line-strong") });
    } catch {
      // Older than what is drawn: a message of the timeframe before; the next one fits.
    }
  };
  stop.add(effect(() => {
    if (lastCandle.value && !waiting) waiting = window.setTimeout(drawCandle, FOLLOW_MS);
  }));
  stop.add(() => window.clearTimeout(waiting));
  stop.add(effect(() => void (positions.value, orders.value, symbol.value, drawLines())));
  stop.add(() => chart.remove());
}

export function Chart() {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const stop = new Set<() => void>();
    void draw(host.current!, stop);
    return () => stop.forEach((one) => one());
  }, []);
  return (
    <section class="panel chart" aria-label={`Chart of ${symbol.value}`}>
      <Choice label="Length of a candle" class="tabs" options={FRAMES} value={timeframe.value as "1m"} onChange={(value) => (timeframe.value = value)} />
      <div class="canvas" ref={host} />
    </section>
  );
}
