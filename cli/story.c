#include "cli/story.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENS_MAX = 1 << 15 };

bool rf_story_open(rf_story *story)
{
    rf_json_token *tokens = malloc(TOKENS_MAX * sizeof *tokens);
    char *text = malloc(RF_JSON_TEXT_MAX + TOKENS_MAX);
    *story = (rf_story){0};
    rf_json_init(&story->answer, tokens, TOKENS_MAX, text, RF_JSON_TEXT_MAX + TOKENS_MAX);
    return tokens && text;
}

void rf_story_close(rf_story *story)
{
    free(story->answer.tokens);
    free(story->answer.text);
}

/* ---- Words ----------------------------------------------------------------------------------- */

static const char *text_of(const rf_json *json, uint32_t object, const char *name)
{
    uint32_t token = rf_json_member(json, object, name);
    if (!token)
        return "";
    uint8_t kind = json->tokens[token].kind;
    if (kind == RF_JSON_BOOL)
        return json->tokens[token].truth ? "true" : "false";
    return kind == RF_JSON_STRING || kind == RF_JSON_NUMBER ? rf_json_text(json, token) : "";
}

/* Decimals as people write them: "5270.00000000" is 5270, "-0.50" is -0.5. Other text is printed as
 * it is. */
static void say(const char *text)
{
    size_t size = strlen(text);
    bool number = size > 0 && strspn(text, "-.0123456789") == size && strchr(text, '.') != NULL;
    while (number && size > 1 && text[size - 1] == '0')
        size--;
    if (number && text[size - 1] == '.')
        size--;
    printf("%.*s", (int)size, text);
}

static void say_field(const rf_json *json, uint32_t object, const char *before, const char *name)
{
    const char *text = text_of(json, object, name);
    if (!*text)
        return;
    fputs(before, stdout);
    say(text);
}

static bool has_word(const rf_json *json, uint32_t object, const char *name, const char *word)
{
    uint32_t token = rf_json_member(json, object, name);
    if (token && rf_json_is(json, token, word))
        return true;
    uint32_t count =
        token && json->tokens[token].kind == RF_JSON_ARRAY ? json->tokens[token].count : 0;
    for (uint32_t i = 0; i < count; i++)
        if (rf_json_is(json, rf_json_element(json, token, i), word))
            return true;
    return false;
}

static bool is_method(const rf_script *script, const char *method)
{
    return strcmp(script->method, method) == 0;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static void say_order(const rf_json *json, uint32_t params)
{
    bool isolated = has_word(json, params, "exec_inst", "ISOLATED_MARGIN") ||
                    *text_of(json, params, "isolation_id");
    fputs(has_word(json, params, "side", "BUY") ? "buys" : "sells", stdout);
    say_field(json, params, " ", "quantity");
    say_field(json, params, " ", "instrument_name");
    if (*text_of(json, params, "price"))
        say_field(json, params, " at ", "price");
    else
        fputs(" at the market", stdout);
    say_field(json, params, ", triggered at ", "ref_price");
    fputs(isolated ? ", isolated" : ", cross", stdout);
    say_field(json, params, " ", "leverage");
    if (*text_of(json, params, "leverage"))
        fputs("x", stdout);
    if (has_word(json, params, "exec_inst", "REDUCE_ONLY"))
        fputs(", reduce-only", stdout);
    if (has_word(json, params, "exec_inst", "POST_ONLY"))
        fputs(", post-only", stdout);
}

static void say_margin_move(const rf_json *json, uint32_t params)
{
    bool in =
        has_word(json, params, "direction", "CREDIT") || has_word(json, params, "direction", "IN");
    say_field(json, params, in ? "adds margin: " : "removes margin: ", "amount");
    say_field(json, params, in ? " USD into isolation " : " USD out of isolation ", "isolation_id");
}

static void say_leverage(const rf_json *json, uint32_t params)
{
    say_field(json, params, "sets the leverage of isolation ", "isolation_id");
    say_field(json, params, " to ", "leverage");
    fputs("x", stdout);
    say_field(json, params, ", adding margin: ", "add_margin");
}

static void say_close(const rf_json *json, uint32_t params)
{
    bool part = *text_of(json, params, "quantity");
    fputs("closes ", stdout);
    if (part)
        say_field(json, params, "", "quantity");
    say_field(json, params, part ? " of " : "", "instrument_name");
    if (*text_of(json, params, "isolation_id"))
        say_field(json, params, ", isolation ", "isolation_id");
    else
        fputs(", the cross position", stdout);
    if (*text_of(json, params, "price"))
        say_field(json, params, ", at ", "price");
    else
        fputs(", at the market", stdout);
}

/* The method's last part and whatever scalars it was given. */
static void say_any(const rf_script *script, uint32_t params)
{
    const rf_json *json = &script->json;
    const char *name = strchr(script->method, '/');
    fputs(name ? name + 1 : script->method, stdout);
    uint32_t at = params + 1;
    for (uint32_t i = 0; params && i < json->tokens[params].count;
         i++, at = json->tokens[at].next) {
        if (json->tokens[at].kind != RF_JSON_STRING && json->tokens[at].kind != RF_JSON_NUMBER)
            continue;
        printf("%s%s ", i == 0 ? ": " : ", ", rf_json_key(json, at));
        say(rf_json_text(json, at));
    }
}

static void say_call(const rf_script *script)
{
    const rf_json *json = &script->json;
    uint32_t params = script->params;
    if (is_method(script, "private/create-order") ||
        is_method(script, "private/advanced/create-order"))
        say_order(json, params);
    else if (is_method(script, "private/x/preview-order"))
        fputs("asks about an order: ", stdout), say_order(json, params);
    else if (is_method(script, "private/create-isolated-margin-transfer"))
        say_margin_move(json, params);
    else if (is_method(script, "private/change-isolated-margin-leverage"))
        say_leverage(json, params);
    else if (is_method(script, "private/close-position"))
        say_close(json, params);
    else if (is_method(script, "operator/set-mark-price"))
        say_field(json, params, "moves the mark price of ", "instrument_name"),
            say_field(json, params, " to ", "price");
    else if (is_method(script, "operator/deposit"))
        say_field(json, params, "credits ", "account"), say_field(json, params, " with ", "amount"),
            say_field(json, params, " ", "currency");
    else if (is_method(script, "operator/fund-insurance"))
        say_field(json, params, "pays ", "amount"), say_field(json, params, " ", "currency"),
            fputs(" into the insurance fund", stdout);
    else if (is_method(script, "operator/create-account"))
        say_field(json, params, "opens an account: ", "account");
    else if (is_method(script, "operator/create-instrument"))
        say_field(json, params, "lists ", "instrument_name"),
            say_field(json, params, ", at most ", "max_leverage"), fputs("x", stdout);
    else if (is_method(script, "private/create-withdrawal"))
        say_field(json, params, "asks to withdraw ", "amount"),
            say_field(json, params, " ", "currency");
    else if (is_method(script, "private/get-positions"))
        fputs("looks at the positions", stdout);
    else if (is_method(script, "private/user-balance"))
        fputs("looks at the money", stdout);
    else if (is_method(script, "operator/get-house-balances"))
        fputs("looks at the house's accounts", stdout);
    else if (is_method(script, "operator/check-invariants"))
        fputs("checks the books", stdout);
    else
        say_any(script, params);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void start_line(void)
{
    fputs("             ", stdout);
}

static void say_refusal(const rf_json *json)
{
    uint32_t data = rf_json_member(json, 0, "error_data");
    printf("refused: %s %s", text_of(json, 0, "code"), text_of(json, 0, "message"));
    if (data)
        say_field(json, data, ", it takes a margin of ", "required_margin");
    putchar('\n');
}

static void say_order_answer(const rf_json *json, uint32_t result)
{
    const char *status = text_of(json, result, "status");
    if (strcmp(status, "ACTIVE") == 0)
        fputs("rests in the book", stdout);
    else if (strcmp(status, "PENDING") == 0)
        fputs("waits for its trigger", stdout);
    else
        fputs(strcmp(status, "FILLED") == 0 ? "filled" : status, stdout);
    if (strspn(text_of(json, result, "cumulative_quantity"), "0.") !=
        strlen(text_of(json, result, "cumulative_quantity"))) {
        say_field(json, result, ": ", "cumulative_quantity");
        say_field(json, result, " at ", "avg_price");
    }
    say_field(json, result, "; isolation ", "isolation_id");
    say_field(json, result, "; reason ", "reason");
    putchar('\n');
}

static void say_position(const rf_json *json, uint32_t row)
{
    const char *quantity = text_of(json, row, "quantity");
    bool is_short = quantity[0] == '-', isolated = *text_of(json, row, "isolation_id");
    say_field(json, row, "", "instrument_name");
    fputs(isolated ? " isolated " : " cross ", stdout);
    fputs(is_short ? "short " : "long ", stdout);
    say(quantity + is_short);
    say_field(json, row, " from ", "average_price");
    say_field(json, row, ", mark ", "mark_price");
    say_field(json, row, ", profit ", "open_position_pnl");
    putchar('\n');
    if (!isolated)
        return;
    start_line();
    say_field(json, row, "  margin inside ", "isolated_cash_balance");
    say_field(json, row, ", removable ", "max_removable_margin");
    say_field(json, row, ", leverage ", "leverage");
    say_field(json, row, "x, liquidation at ", "liquidation_price");
    say_field(json, row, ", most it can lose ", "max_loss");
    putchar('\n');
}

static void say_positions(const rf_json *json, uint32_t result)
{
    uint32_t data = rf_json_member(json, result, "data");
    uint32_t count = data ? json->tokens[data].count : 0;
    if (count == 0)
        fputs("none\n", stdout);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            start_line();
        say_position(json, rf_json_element(json, data, i));
    }
}

static void say_balance(const rf_json *json, uint32_t result)
{
    uint32_t row = rf_json_element(json, rf_json_member(json, result, "data"), 0);
    say_field(json, row, "main account: cash ", "total_cash_balance");
    say_field(json, row, ", available ", "total_available_balance");
    say_field(json, row, "; in isolations ", "total_isolated_cash_balance");
    putchar('\n');
}

static void say_isolation(const rf_json *json, uint32_t result)
{
    say_field(json, result, "done: margin inside ", "isolated_cash_balance");
    say_field(json, result, ", leverage ", "leverage");
    say_field(json, result, "x, liquidation at ", "liquidation_price");
    say_field(json, result, ", removable ", "max_removable_margin");
    say_field(json, result, "; available in the main account ", "total_available_balance");
    putchar('\n');
}

static void say_preview(const rf_json *json, uint32_t result)
{
    bool accepted = strcmp(text_of(json, result, "accepted"), "true") == 0;
    fputs(accepted ? "it would be accepted" : "it would be refused", stdout);
    if (!accepted)
        say_field(json, result, ": ", "message");
    say_field(json, result, "; margin needed ", "required_margin");
    say_field(json, result, ", fee ", "fee");
    say_field(json, result, ", liquidation at ", "liquidation_price");
    say_field(json, result, ", most it can lose ", "max_loss");
    say_field(json, result, ", largest possible order ", "max_order_quantity");
    putchar('\n');
}

static void say_house(const rf_json *json, uint32_t result)
{
    say_field(json, result, "insurance fund ", "INSURANCE");
    say_field(json, result, ", fees taken ", "FEES");
    say_field(json, result, ", rounding ", "ROUNDING");
    putchar('\n');
}

static void say_answer(const rf_script *script, const rf_json *json)
{
    uint32_t result = rf_json_member(json, 0, "result");
    if (strcmp(text_of(json, 0, "code"), "0") != 0)
        say_refusal(json);
    else if (!result)
        fputs("done\n", stdout);
    else if (*text_of(json, result, "status") && *text_of(json, result, "order_id"))
        say_order_answer(json, result);
    else if (is_method(script, "private/get-positions"))
        say_positions(json, result);
    else if (is_method(script, "private/user-balance"))
        say_balance(json, result);
    else if (is_method(script, "private/x/preview-order"))
        say_preview(json, result);
    else if (*text_of(json, result, "isolated_cash_balance"))
        say_isolation(json, result);
    else if (*text_of(json, result, "INSURANCE"))
        say_house(json, result);
    else if (is_method(script, "operator/check-invariants"))
        fputs(strcmp(text_of(json, result, "ok"), "true") == 0 ? "all of them balance\n"
                                                               : "THEY DO NOT BALANCE\n",
              stdout);
    else
        fputs("done\n", stdout);
}

/* ---- The page -------------------------------------------------------------------------------- */

/* Expectations of test scenarios are no text. */
static bool is_mark(const char *text)
{
    return text[0] == '=' || text[0] == '!' || text[0] == '~' || text[0] == '?' ||
           strncmp(text, "exit ", 5) == 0;
}

void rf_story_comment(rf_story *story, const char *text)
{
    if (is_mark(text))
        return;
    if (strncmp(text, "# ", 2) == 0) {
        printf("%s%s\n", story->last == RF_STORY_NOTHING ? "" : "\n", text + 2);
        for (size_t i = 0; text[i + 2]; i++)
            putchar('-');
        putchar('\n');
        story->last = RF_STORY_HEADING;
        return;
    }
    if (story->last == RF_STORY_CALL)
        putchar('\n');
    puts(text[0] == ' ' ? text + 1 : text);
    story->last = RF_STORY_TEXT;
}

void rf_story_call(rf_story *story, const rf_script *script, const char *answer, size_t size)
{
    if (story->last == RF_STORY_TEXT)
        putchar('\n');
    printf("  %-10s ", script->as ? script->as : "anybody");
    say_call(script);
    putchar('\n');
    start_line();
    if (rf_json_parse(&story->answer, answer, size))
        say_answer(script, &story->answer);
    else
        printf("%.*s\n", (int)size, answer);
    story->last = RF_STORY_CALL;
}
