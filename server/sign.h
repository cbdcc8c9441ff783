/* Signatures of calls: HMAC-SHA256 over the method, the id, the key and the parameters as they were
 * sent (docs/api.md).
 *
 * Promise: numbers count by their raw digits, names by the order of their bytes. Signatures are
 * compared in constant time. A secret is made ready once, however many calls it signs.
 *
 * May include: base, api. OpenSSL is seen by sign.c only. */
#ifndef RF_SERVER_SIGN_H
#define RF_SERVER_SIGN_H

#include "api/json.h"
#include "base/bytes.h"

enum {
    RF_SIGN_DEPTH_MAX = 8,   /* of parameters; deeper ones have no signature */
    RF_SIGNATURE_SIZE = 32,  /* bytes */
    RF_SIGNATURE_TEXT = 65,  /* hexadecimal with its NUL */
    RF_PAYLOAD_MAX = 1 << 17 /* bytes that are signed */
};

/* A secret that is ready to sign. */
typedef struct rf_signer rf_signer;
rf_signer *rf_signer_open(const void *secret, size_t size); /* NULL: out of memory */
void rf_signer_close(rf_signer *signer);                    /* NULL is fine */

/* What is signed; NULL texts count as empty ones. */
typedef struct rf_signed_call {
    const char *method, *id, *api_key, *nonce; /* id and nonce: the digits as they were sent */
    const rf_json *json;
    uint32_t params; /* token, 0 = none */
} rf_signed_call;

/* Appends what is signed. strip: without the zeros that end a number's decimals, as some clients
 * sign. False: too deep, or no room. */
bool rf_sign_payload(const rf_signed_call *call, bool strip, rf_bytes *out);
/* Lower-case text. False: too deep or too long. */
bool rf_sign(rf_signer *signer, const rf_signed_call *call, char text[RF_SIGNATURE_TEXT]);
/* True when `text` is the call's signature, in letters of either case; its bytes are left in
 * signature then. The work depends on the call alone, not on the signer or on what was sent. */
bool rf_sign_check(rf_signer *signer, const rf_signed_call *call, const char *text,
                   uint8_t signature[RF_SIGNATURE_SIZE]);
/* How often an HMAC was computed since the start: what a test can see of "the same work". */
uint64_t rf_sign_operations(void);

#endif
