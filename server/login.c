#include "server/login.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "api/handlers.h"
#include "api/put.h"
#include "server/clock.h"

enum {
    MS = 1000000,
    TRIES = 4096, /* names and addresses whose tries are counted */
    TRIES_WAYS = 8,
    CHAINS = 4096,
    ID_SIZE = 32,
    BODY_TOKENS = 64,
    BODY_SIZE = 4096,
};

typedef struct session {
    uint8_t id_hash[16]; /* whoever reads our memory or a dump cannot log in with it */
    char user[RF_USER_SIZE];
    uint32_t version; /* of the user then */
    uint32_t next;    /* in its chain: number plus 1 */
    uint64_t serial;  /* its place modulo RF_SESSIONS_MAX; 0 = free */
    int64_t create_ns,
        used_ns; /* monotonic: it ends after so long, whatever becomes of the clock */
    bool console;
} session;

typedef struct tries {
    uint64_t name;
    int64_t first_ns; /* monotonic */
    uint32_t count;
} tries;

/* A password that is being checked by another thread. */
typedef struct attempt {
    uv_work_t work;
    rf_login *login;
    rf_ticket ticket;
    char name[RF_USER_SIZE], password[RF_PASSWORD_MAX + 1], totp[8], address[RF_ADDRESS_MAX];
    char hash[RF_PASSWORD_HASH_SIZE]; /* of the user, or of nobody */
    uint32_t version;
    bool known, console, matches;
} attempt;

struct rf_login {
    rf_login_options options;
    session sessions[RF_SESSIONS_MAX];
    uint32_t chains[CHAINS];
    uint64_t serial;
    tries tries[TRIES / TRIES_WAYS][TRIES_WAYS];
    uint8_t secret[crypto_shorthash_KEYBYTES];
    char nobody[RF_PASSWORD_HASH_SIZE]; /* a hash that no password has */
    unsigned waiting;
    bool closing;
    rf_json json;
    rf_json_token tokens[BODY_TOKENS];
    char text[BODY_SIZE + BODY_TOKENS], out_memory[1024];
    rf_bytes out;
};

/* ---- Life ------------------------------------------------------------------------------------ */

rf_login *rf_login_open(const rf_login_options *options)
{
    uint8_t unguessable[ID_SIZE];
    char password[2 * ID_SIZE + 1];
    rf_login *login = sodium_init() < 0 ? NULL : calloc(1, sizeof *login);
    if (!login)
        return NULL;
    login->options = *options;
    randombytes_buf(login->secret, sizeof login->secret);
    randombytes_buf(unguessable, sizeof unguessable);
    sodium_bin2hex(password, sizeof password, unguessable, sizeof unguessable);
    if (!rf_password_hash(password, login->nobody)) {
        free(login);
        return NULL;
    }
    rf_json_init(&login->json, login->tokens, BODY_TOKENS, login->text, sizeof login->text);
    rf_bytes_init(&login->out, login->out_memory, sizeof login->out_memory, NULL);
    return login;
}

/* The last password that is being checked frees it. */
void rf_login_close(rf_login *login)
{
    login->closing = true;
    if (login->waiting == 0)
        free(login);
}

static int64_t now_ns(const rf_login *login)
{
    return login->options.now_ns(login->options.context);
}

/* ---- Tries ----------------------------------------------------------------------------------- */

/* The count of this name or address; whose window is over, or who began first, makes room. */
static tries *find_tries(rf_login *login, char kind, const char *name)
{
    char text[RF_USER_SIZE + 2];
    uint64_t hash;
    int size = snprintf(text, sizeof text, "%c%s", kind, name);
    size_t used = size < (int)sizeof text ? (size_t)size : sizeof text - 1;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)text, used, login->secret);
    tries *set = login->tries[hash % (TRIES / TRIES_WAYS)], *chosen = set;
    for (unsigned i = 0; i < TRIES_WAYS; i++) {
        if (set[i].name == hash)
            return &set[i];
        if (set[i].first_ns < chosen->first_ns)
            chosen = &set[i];
    }
    *chosen = (tries){.name = hash};
    return chosen;
}

/* Counts the try before it is known how it ends: many at once are still as many. ms to wait, 0 = go
 * ahead. */
static int64_t take_try(rf_login *login, char kind, const char *name)
{
    tries *count = find_tries(login, kind, name);
    int64_t now = rf_clock_monotonic_ns(), window_ns = (int64_t)RF_TRIES_MS * MS;
    if (count->count == 0 || now - count->first_ns >= window_ns) {
        count->first_ns = now;
        count->count = 0;
    }
    if (count->count >= RF_TRIES_MAX)
        return (count->first_ns + window_ns - now + MS - 1) / MS;
    count->count++;
    return 0;
}

static void give_back(rf_login *login, char kind, const char *name)
{
    tries *count = find_tries(login, kind, name);
    if (count->count > 0)
        count->count--;
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static uint32_t *chain_of(rf_login *login, const uint8_t id_hash[16])
{
    uint32_t place;
    memcpy(&place, id_hash, sizeof place);
    return &login->chains[place % CHAINS];
}

static void hash_id(const uint8_t id[ID_SIZE], uint8_t hash[16])
{
    crypto_generichash(hash, 16, id, ID_SIZE, NULL, 0);
}

static void drop_session(rf_login *login, session *of)
{
    uint32_t number = (uint32_t)(of - login->sessions) + 1;
    uint32_t *link = chain_of(login, of->id_hash);
    while (*link != number)
        link = &login->sessions[*link - 1].next;
    *link = of->next;
    *of = (session){0};
}

/* What of it says that it is over, looked at whenever it is used. */
static const rf_user *session_user(rf_login *login, const session *of)
{
    int64_t now = rf_clock_monotonic_ns();
    const rf_user *user = rf_registry_user(login->options.registry, of->user);
    bool over = now - of->create_ns >= (int64_t)RF_SESSION_MS * MS ||
                now - of->used_ns >= (int64_t)RF_SESSION_IDLE_MS * MS || !user ||
                user->version != of->version;
    return over ? NULL : user;
}

/* A free place, or that of the one that was used longest ago. */
static session *take_place(rf_login *login)
{
    session *oldest = login->sessions;
    for (uint32_t i = 0; i < RF_SESSIONS_MAX; i++) {
        if (login->sessions[i].serial == 0)
            return &login->sessions[i];
        if (login->sessions[i].used_ns < oldest->used_ns)
            oldest = &login->sessions[i];
    }
    drop_session(login, oldest);
    return oldest;
}

static void open_session(rf_login *login, const rf_user *user, bool console,
                         char id_text[2 * ID_SIZE + 1])
{
    uint8_t id[ID_SIZE];
    randombytes_buf(id, sizeof id);
    sodium_bin2hex(id_text, 2 * ID_SIZE + 1, id, sizeof id);
    session *fresh = take_place(login);
    *fresh =
        (session){.version = user->version,
                  .serial = ++login->serial * RF_SESSIONS_MAX + (uint64_t)(fresh - login->sessions),
                  .create_ns = rf_clock_monotonic_ns(),
                  .used_ns = rf_clock_monotonic_ns(),
                  .console = console};
    memcpy(fresh->user, user->name, sizeof fresh->user);
    hash_id(id, fresh->id_hash);
    uint32_t *chain = chain_of(login, fresh->id_hash);
    fresh->next = *chain;
    *chain = (uint32_t)(fresh - login->sessions) + 1;
}

static session *find_session(rf_login *login, const uint8_t id[ID_SIZE])
{
    uint8_t hash[16];
    hash_id(id, hash);
    for (uint32_t at = *chain_of(login, hash); at != 0; at = login->sessions[at - 1].next)
        if (sodium_memcmp(login->sessions[at - 1].id_hash, hash, sizeof hash) == 0)
            return &login->sessions[at - 1];
    return NULL;
}

/* ---- Cookies and origins --------------------------------------------------------------------- */

static const char *cookie_name(const rf_login *login, bool console)
{
    if (login->options.secure)
        return console ? "__Host-ringfence-console" : "__Host-ringfence";
    return console ? "ringfence-console" : "ringfence"; /* cookies do not know ports */
}

static bool read_cookie(const rf_login *login, const rf_http_request *request, bool console,
                        uint8_t id[ID_SIZE])
{
    const char *name = cookie_name(login, console), *at = rf_http_header(request, "cookie");
    size_t name_size = strlen(name), read = 0;
    for (; at && *at; at += *at == ';') {
        at += strspn(at, " ");
        size_t size = strcspn(at, ";");
        if (size == name_size + 1 + 2 * ID_SIZE && strncmp(at, name, name_size) == 0 &&
            at[name_size] == '=' &&
            sodium_hex2bin(id, ID_SIZE, at + name_size + 1, 2 * ID_SIZE, NULL, &read, NULL) == 0 &&
            read == ID_SIZE)
            return true;
        at += size;
    }
    return false;
}

/* The page that sends this is ours. A request without an Origin does not say so. */
static bool own_origin(const rf_login *login, const rf_http_request *request)
{
    const char *scheme = login->options.secure ? "https://" : "http://";
    const char *origin = rf_http_header(request, "origin"), *host = rf_http_header(request, "host");
    size_t size = strlen(scheme);
    return origin && host && strncmp(origin, scheme, size) == 0 && strcmp(origin + size, host) == 0;
}

static session *session_of(rf_login *login, const rf_http_request *request, bool console,
                           const rf_user **user)
{
    uint8_t id[ID_SIZE];
    session *found = read_cookie(login, request, console, id) ? find_session(login, id) : NULL;
    if (!found || found->console != console)
        return NULL;
    *user = session_user(login, found);
    if (*user)
        return found;
    drop_session(login, found);
    return NULL;
}

static void put_identity(const session *of, const rf_user *user, const char *address,
                         rf_identity *identity)
{
    *identity = (rf_identity){.page = true, .session = of->serial};
    if (user->role == RF_ROLE_TRADER) {
        identity->account = user->account;
        identity->scopes = RF_SCOPE_READ | RF_SCOPE_TRADE | RF_SCOPE_WITHDRAW;
    } else {
        identity->role = (rf_role)user->role;
    }
    memcpy(identity->user, user->name, sizeof identity->user);
    snprintf(identity->address, sizeof identity->address, "%s", address);
}

rf_error rf_login_identify(rf_login *login, const rf_http_request *request, const char *address,
                           bool console, bool upgrade, rf_identity *identity)
{
    const rf_user *user;
    *identity = (rf_identity){0};
    session *found = session_of(login, request, console, &user);
    if (!found)
        return RF_ERR_UNAUTHORIZED;
    bool reads = strcmp(request->method, "GET") == 0 && !upgrade;
    if (!reads && !own_origin(login, request))
        return RF_ERR_USER_TIER_INVALID;
    found->used_ns = rf_clock_monotonic_ns();
    put_identity(found, user, address, identity);
    return RF_ERR_OK;
}

bool rf_login_alive(rf_login *login, const rf_identity *identity, bool used)
{
    session *of = &login->sessions[identity->session % RF_SESSIONS_MAX];
    if (of->serial == 0 || of->serial != identity->session || !session_user(login, of))
        return false;
    if (used)
        of->used_ns = rf_clock_monotonic_ns();
    return true;
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void start_answer(rf_login *login, const char *what, rf_error code)
{
    rf_bytes_clear(&login->out);
    rf_put_open(&login->out, NULL, '{');
    rf_put_int(&login->out, "id", -1);
    rf_put_text(&login->out, "method", what);
    rf_put_int(&login->out, "code", (int64_t)code);
    if (code != RF_ERR_OK)
        rf_put_text(&login->out, "message", rf_error_name(code));
}

static void send_answer(rf_login *login, rf_ticket ticket, rf_error code, const char *headers)
{
    rf_put_close(&login->out, '}');
    const rf_http_answer answer = {
        .status = rf_error_http(code),
        .content_type = "application/json",
        .headers = headers,
        .body = login->out.data,
        .body_size = login->out.size,
    };
    rf_gate_answer(login->options.gate, ticket, &answer, 0);
}

static void refuse(rf_login *login, rf_ticket ticket, const char *what, rf_error code,
                   int64_t wait_ms)
{
    char headers[48] = "";
    start_answer(login, what, code);
    if (wait_ms > 0) {
        rf_put_open(&login->out, "error_data", '{');
        rf_put_int(&login->out, "retry_after_ms", wait_ms);
        rf_put_close(&login->out, '}');
        snprintf(headers, sizeof headers, "Retry-After: %lld\r\n",
                 (long long)((wait_ms + 999) / 1000));
    }
    send_answer(login, ticket, code, headers[0] ? headers : NULL);
}

static const char *role_name(unsigned role)
{
    static const char *const names[] = {"NONE", "TRADER", "VIEWER", "SUPPORT", "RISK", "ADMIN"};
    return names[role];
}

static void put_session(rf_login *login, const session *of, const rf_user *user)
{
    rf_put_open(&login->out, "result", '{');
    rf_put_text(&login->out, "name", user->name);
    rf_put_text(&login->out, "role", role_name(user->role));
    if (user->role == RF_ROLE_TRADER)
        rf_put_account(&login->out, "account_id", user->account);
    rf_put_bool(&login->out, "totp", user->totp_size > 0);
    int64_t age_ns = rf_clock_monotonic_ns() - of->create_ns;
    rf_put_ms(&login->out, "expires_at", now_ns(login) + (int64_t)RF_SESSION_MS * MS - age_ns);
    rf_put_close(&login->out, '}');
}

/* id "" ends the cookie. */
static void put_cookie(const rf_login *login, bool console, const char *id, char *line, size_t size)
{
    snprintf(line, size, "Set-Cookie: %s=%s; Path=/; %sHttpOnly; SameSite=Strict; Max-Age=%d\r\n",
             cookie_name(login, console), id, login->options.secure ? "Secure; " : "",
             id[0] ? RF_SESSION_MS / 1000 : 0);
}

/* False: the log cannot be written, so nobody may come in. */
static bool write_audit(rf_login *login, const char *what, const char *name, const char *address,
                        rf_error code)
{
    const rf_audit_line line = {
        .time_ns = now_ns(login),
        .name = name,
        .from = address,
        .what = what,
        .code = code,
        .seq = login->options.seq(login->options.context),
    };
    return !login->options.audit || rf_audit_write(login->options.audit, &line);
}

/* ---- Log-in ---------------------------------------------------------------------------------- */

static void on_work(uv_work_t *work)
{
    attempt *self = work->data;
    self->matches = rf_password_check(self->hash, self->password);
}

/* The last word, on the loop again: the user may have changed meanwhile. */
static rf_error judge(rf_login *login, const attempt *self, const rf_user **user, bool *wants_totp)
{
    *user = self->known ? rf_registry_user(login->options.registry, self->name) : NULL;
    *wants_totp = false;
    if (!self->matches || !*user || (*user)->version != self->version ||
        ((*user)->role == RF_ROLE_TRADER) == self->console)
        return RF_ERR_UNAUTHORIZED;
    if ((*user)->totp_size == 0)
        return RF_ERR_OK;
    *wants_totp = !rf_totp_use(login->options.vault, *user, self->totp, now_ns(login) / MS);
    return *wants_totp ? RF_ERR_UNAUTHORIZED : RF_ERR_OK;
}

static void welcome(rf_login *login, const attempt *self, const rf_user *user)
{
    char id[2 * ID_SIZE + 1], headers[256];
    uint8_t bytes[ID_SIZE];
    open_session(login, user, self->console, id);
    put_cookie(login, self->console, id, headers, sizeof headers);
    sodium_hex2bin(bytes, sizeof bytes, id, 2 * ID_SIZE, NULL, NULL, NULL);
    start_answer(login, "auth/login", RF_ERR_OK);
    put_session(login, find_session(login, bytes), user);
    send_answer(login, self->ticket, RF_ERR_OK, headers);
    sodium_memzero(id, sizeof id);
    sodium_memzero(headers, sizeof headers);
}

static void finish(rf_login *login, const attempt *self)
{
    const rf_user *user;
    bool wants_totp;
    rf_error code = judge(login, self, &user, &wants_totp);
    bool asked = wants_totp && self->totp[0] == '\0'; /* a right password, and no guess at a code */
    if (code == RF_ERR_OK || asked) {
        give_back(login, 'n', self->name);
        give_back(login, 'a', self->address);
    }
    if (!write_audit(login, "auth/login", self->name, self->address, code))
        code = RF_ERR_SYSTEM_MAINTENANCE;
    if (code == RF_ERR_OK) {
        welcome(login, self, user);
        return;
    }
    start_answer(login, "auth/login", code);
    if (wants_totp) { /* the password was right: the page asks for the code */
        rf_put_open(&login->out, "error_data", '{');
        rf_put_text(&login->out, "param", "totp");
        rf_put_close(&login->out, '}');
    }
    send_answer(login, self->ticket, code, NULL);
}

static void on_done(uv_work_t *work, int status)
{
    attempt *self = work->data;
    rf_login *login = self->login;
    login->waiting--;
    if (status != 0)
        self->matches = false;
    if (!login->closing)
        finish(login, self);
    else if (login->waiting == 0)
        free(login);
    sodium_memzero(self, sizeof *self);
    free(self);
}

/* A text member of the body into a field; false: it does not fit. Absent: "". */
static bool read_text(const rf_json *json, const char *name, char *to, size_t size)
{
    uint32_t token = rf_json_member(json, 0, name);
    to[0] = '\0';
    if (token == 0)
        return true;
    if (json->tokens[token].kind != RF_JSON_STRING && json->tokens[token].kind != RF_JSON_NUMBER)
        return false;
    if (json->tokens[token].text_size >= size)
        return false;
    memcpy(to, rf_json_text(json, token), json->tokens[token].text_size + 1);
    return true;
}

static bool read_attempt(rf_login *login, const rf_http_request *request, attempt *self)
{
    const rf_json *json = &login->json;
    return request->body_size <= BODY_SIZE &&
           rf_json_parse(&login->json, request->body, request->body_size) &&
           json->tokens[0].kind == RF_JSON_OBJECT &&
           read_text(json, "name", self->name, sizeof self->name) &&
           read_text(json, "password", self->password, sizeof self->password) &&
           read_text(json, "totp", self->totp, sizeof self->totp) && self->name[0] &&
           self->password[0];
}

/* Fills in who it is about and starts. What was wrong before that costs no try. */
static void start(rf_login *login, attempt *self)
{
    const rf_user *user = rf_registry_user(login->options.registry, self->name);
    self->known = user != NULL;
    self->version = user ? user->version : 0;
    memcpy(self->hash, user ? user->password_hash : login->nobody, sizeof self->hash);
    self->work.data = self;
    login->waiting++;
    if (uv_queue_work(login->options.loop, &self->work, on_work, on_done) != 0)
        on_done(&self->work, UV_ENOMEM);
}

static void log_in(rf_login *login, rf_ticket ticket, const rf_http_request *request,
                   const char *address, bool console)
{
    attempt *self = calloc(1, sizeof *self);
    rf_error code = self ? RF_ERR_OK : RF_ERR_ERR_INTERNAL;
    int64_t wait_ms = 0;
    if (code == RF_ERR_OK && rf_http_header(request, "origin") && !own_origin(login, request))
        code = RF_ERR_USER_TIER_INVALID; /* another site's page logs nobody in */
    if (code == RF_ERR_OK && !read_attempt(login, request, self))
        code = RF_ERR_BAD_REQUEST;
    if (code == RF_ERR_OK) {
        wait_ms = login->waiting >= RF_LOGINS_WAITING_MAX ? 1000 : take_try(login, 'a', address);
        if (wait_ms == 0 && (wait_ms = take_try(login, 'n', self->name)) > 0)
            give_back(login, 'a', address);
        code = wait_ms > 0 ? RF_ERR_TOO_MANY_REQUESTS : RF_ERR_OK;
    }
    if (code != RF_ERR_OK) {
        refuse(login, ticket, "auth/login", code, wait_ms);
        if (self)
            sodium_memzero(self, sizeof *self);
        free(self);
        return;
    }
    self->login = login;
    self->ticket = ticket;
    self->console = console;
    snprintf(self->address, sizeof self->address, "%s", address);
    start(login, self);
}

/* ---- The other two --------------------------------------------------------------------------- */

static void log_out(rf_login *login, rf_ticket ticket, const rf_http_request *request,
                    const char *address, bool console)
{
    char headers[256];
    const rf_user *user;
    session *found = session_of(login, request, console, &user);
    if (found && !own_origin(login, request)) {
        refuse(login, ticket, "auth/logout", RF_ERR_USER_TIER_INVALID, 0);
        return;
    }
    if (found) {
        write_audit(login, "auth/logout", found->user, address, RF_ERR_OK);
        drop_session(login, found);
    }
    put_cookie(login, console, "", headers, sizeof headers);
    start_answer(login, "auth/logout", RF_ERR_OK);
    send_answer(login, ticket, RF_ERR_OK, headers);
}

static void show_session(rf_login *login, rf_ticket ticket, const rf_http_request *request,
                         bool console)
{
    const rf_user *user;
    session *found = session_of(login, request, console, &user);
    if (!found) {
        refuse(login, ticket, "auth/session", RF_ERR_UNAUTHORIZED, 0);
        return;
    }
    start_answer(login, "auth/session", RF_ERR_OK);
    put_session(login, found, user);
    send_answer(login, ticket, RF_ERR_OK, NULL);
}

void rf_login_request(rf_login *login, rf_ticket ticket, const rf_http_request *request,
                      const char *address, bool console)
{
    bool post = strcmp(request->method, "POST") == 0, get = strcmp(request->method, "GET") == 0;
    if (post && strcmp(request->path, "/auth/login") == 0)
        log_in(login, ticket, request, address, console);
    else if (post && strcmp(request->path, "/auth/logout") == 0)
        log_out(login, ticket, request, address, console);
    else if (get && strcmp(request->path, "/auth/session") == 0)
        show_session(login, ticket, request, console);
    else
        refuse(login, ticket, "ERROR", RF_ERR_METHOD_NOT_FOUND, 0);
}
