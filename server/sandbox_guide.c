/* What the sandbox says of itself when it starts: a line for programs, and a page for people. */
#include "api/put.h"
#include "server/sandbox_state.h"

void rf_sandbox_put_accounts(const rf_sandbox *sandbox, rf_bytes *out)
{
    rf_put_open(out, "accounts", '[');
    for (unsigned i = 0; i < SANDBOX_PEOPLE; i++) {
        const sandbox_person *person = &sandbox->people[i];
        rf_put_open(out, NULL, '{');
        rf_put_text(out, "account", person->account);
        rf_put_text(out, "api_key", person->api_key);
        rf_put_text(out, "secret", person->secret);
        rf_put_text(out, "password", person->password);
        rf_put_close(out, '}');
    }
    rf_put_close(out, ']');
}

void rf_sandbox_put_demo(const rf_sandbox *sandbox, rf_bytes *out)
{
    static const unsigned visitors[] = {SANDBOX_TRADER, SANDBOX_TRADER2};
    rf_put_open(out, "accounts", '[');
    for (unsigned i = 0; i < sizeof visitors / sizeof *visitors; i++) {
        const sandbox_person *person = &sandbox->people[visitors[i]];
        rf_put_open(out, NULL, '{');
        rf_put_text(out, "name", person->account);
        rf_put_text(out, "password", person->password);
        rf_put_close(out, '}');
    }
    rf_put_close(out, ']');
}

static void print_calls(const sandbox_person *trader, const char *url, const char *operator_socket,
                        const char *data, FILE *out)
{
    fprintf(
        out,
        "Market data, without a key:\n\n"
        "  curl '%s/exchange/v1/public/get-tickers?instrument_name=BTCUSD-PERP'\n\n"
        "Orders, signed with the trader's key:\n\n"
        "  export RINGFENCE_URL=%s RINGFENCE_API_KEY=%s RINGFENCE_API_SECRET=%s\n"
        "  build/ringfence call private/create-order "
        "'{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\",\"type\":\"MARKET\","
        "\"quantity\":\"0.1\",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"50\"}'\n"
        "  build/ringfence call private/get-positions\n\n"
        "And then, as the operator, let the price fall by 5 %% in 20 seconds:\n\n"
        "  build/ringfence call operator/sandbox-crash '{\"fraction\":\"0.05\",\"seconds\":20}' "
        "--socket %s\n"
        "  build/ringfence call operator/get-liquidations --socket %s\n"
        "  build/ringfence call operator/check-invariants --socket %s\n\n"
        "What happened to it, from the journal, with every formula (the order's answer has the "
        "isolation_id):\n\n"
        "  build/ringfence explain %s ISOLATION_ID\n\n",
        url, url, trader->api_key, trader->secret, operator_socket, operator_socket,
        operator_socket, data);
}

static void print_ccxt(const sandbox_person *trader, const char *url, FILE *out)
{
    fprintf(
        out,
        "The same with ccxt (npm install ccxt@4.5.84; save as try.mjs; node try.mjs):\n\n"
        "  import ccxt from 'ccxt';\n"
        "  const base = '%s', ws = base.replace('http', 'ws');\n"
        "  const exchange = new ccxt.pro.cryptocom({ apiKey: '%s', secret: '%s',\n"
        "    options: { defaultType: 'swap' }, urls: { api: { base, v1: base + '/exchange/v1',\n"
        "    ws: { public: ws + '/exchange/v1/market', private: ws + '/exchange/v1/user' } } } "
        "});\n"
        "  await exchange.loadHttpProxyAgent(); // ccxt wants it for ws:// without TLS\n"
        "  console.log((await exchange.fetchTicker('BTC/USD:USD')).last);\n"
        "  console.log((await exchange.createOrder('BTC/USD:USD', 'market', 'buy', 0.1)).id);\n"
        "  for (let i = 0; i < 3; i++) console.log((await "
        "exchange.watchOrderBook('BTC/USD:USD')).bids[0]);\n"
        "  await exchange.close();\n\n",
        url, trader->api_key, trader->secret);
}

void rf_sandbox_print_guide(const rf_sandbox *sandbox, const char *url, const char *operator_socket,
                            const char *data, const char *no_pages, FILE *out)
{
    const sandbox_person *trader = &sandbox->people[SANDBOX_TRADER];
    const sandbox_person *other = &sandbox->people[SANDBOX_TRADER2];
    fprintf(out,
            "\nA market is open at %s: BTCUSD-PERP, ETHUSD-PERP and SOLUSD-PERP, with a maker, a "
            "taker and\na crowd. All money is play money.\n\n",
            url);
    if (no_pages)
        fprintf(out, "There is no page to trade on: %s.\n\n", no_pages);
    else
        fprintf(out, "In a browser: %s, name %s, password %s (or %s, %s).\n\n", url,
                trader->account, trader->password, other->account, other->password);
    print_calls(trader, url, operator_socket, data, out);
    print_ccxt(trader, url, out);
    fputs("Ctrl-C ends it.\n", out);
    fflush(out);
}
