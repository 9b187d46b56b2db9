/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP/1.1 messages out of bytes, over llhttp in its strict mode (the only file that includes
 * llhttp.h is serve/parse.c). A head is collected whole, body bytes are handed on as they come,
 * and the parser stops behind each message: what follows is the next one's.
 *
 * Refused, because two readers could see two different messages: Content-Length together with
 * Transfer-Encoding, two Content-Lengths, another coding than chunked, line ends without CR,
 * folded lines, a NUL anywhere in the head.
 */
#ifndef H0_SERVE_PARSE_H
#define H0_SERVE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define H0_HEAD_MAX   (64u << 10) /* bytes of one head, unless head_max says less */
#define H0_HEAD_LINES 128u        /* its fields */

/* Fields that something here asks for or leaves out; names in the order of their length. */
#define H0_FIELDS(X)                                                                              \
	X(TE, "te")                                                                               \
	X(HOST, "host")                                                                           \
	X(COOKIE, "cookie")                                                                       \
	X(EXPECT, "expect")                                                                       \
	X(ORIGIN, "origin")                                                                       \
	X(SERVER, "server")                                                                       \
	X(REFERER, "referer")                                                                     \
	X(TRAILER, "trailer")                                                                     \
	X(UPGRADE, "upgrade")                                                                     \
	X(API_KEY, "x-api-key")                                                                   \
	X(CONNECTION, "connection")                                                               \
	X(KEEP_ALIVE, "keep-alive")                                                               \
	X(SET_COOKIE, "set-cookie")                                                               \
	X(HAL0_SLOT, "x-hal0-slot")                                                               \
	X(CONTENT_TYPE, "content-type")                                                           \
	X(REQUEST_ID, "x-request-id")                                                             \
	X(AUTHORIZATION, "authorization")                                                         \
	X(CONTENT_LENGTH, "content-length")                                                       \
	X(SEC_FETCH_SITE, "sec-fetch-site")                                                       \
	X(ACCEPT_ENCODING, "accept-encoding")                                                     \
	X(PROXY_CONNECTION, "proxy-connection")                                                   \
	X(TRANSFER_ENCODING, "transfer-encoding")                                                 \
	X(PROXY_AUTHENTICATE, "proxy-authenticate")                                               \
	X(PROXY_AUTHORIZATION, "proxy-authorization")                                             \
	X(PROXY_AUTH_INFO, "proxy-authentication-info")

enum h0_field {
	H0_FIELD_OTHER,
#define X(id, name) H0_FIELD_##id,
	H0_FIELDS(X)
#undef X
	H0_FIELD_SEC,           /* any other sec-... */
	H0_FIELD_CORS,          /* any access-control-... */
	H0_NFIELDS,
};
_Static_assert(H0_NFIELDS <= 64, "a set of fields is a uint64_t");
#define H0_FIELD_BIT(id) (UINT64_C(1) << H0_FIELD_##id)

struct h0_head {
	const char *method;     /* "POST"; of a response NULL */
	int minor;              /* HTTP/1.minor */
	int status;             /* of a response */
	bool keep_alive;        /* the connection may be used again after this message */
	bool chunked, has_length;
	uint64_t length;        /* if has_length */
	/* The target ("" in a response), then of each field the id (a byte), name and value, each
	 * NUL-terminated. */
	struct h0_buf text;
	uint64_t has, twice;            /* bits of the fields that occur, and more than once */
	uint32_t at[H0_NFIELDS];        /* of the first one's value in text, if it `has` it */
};

struct h0_line {
	enum h0_field id;
	const char *name, *value;
	size_t name_len, value_len;
};

/* Walks the fields: for (p = NULL; (p = h0_head_next(h, p, &line)); ) */
const char *h0_head_next(const struct h0_head *h, const char *at, struct h0_line *ret);
const char *h0_head_target(const struct h0_head *h);
/* The first such field's value, NULL when there is none. */
static inline const char *h0_head_get(const struct h0_head *h, enum h0_field id)
{
	return h->has >> id & 1 ? h->text.p + h->at[id] : NULL;
}
/* One word of a comma-separated list, case ignored ("Connection: a, close"). */
bool h0_head_lists(const char *value, const char *word);
void h0_head_done(struct h0_head *h);

enum h0_parse_state {
	H0_PARSE_MORE,          /* the message goes on */
	H0_PARSE_DONE,          /* it is complete */
	H0_PARSE_BAD,           /* not HTTP, or refused: see why and status */
	H0_PARSE_STOPPED,       /* a callback said so */
};

struct h0_parse_calls {
	/* The head is complete. 0: go on. 1: no body follows (an answer to HEAD). -1: stop. */
	int (*on_head)(void *arg);
	/* -1: stop. */
	int (*on_body)(const char *p, size_t n, void *arg);
};

struct h0_parse {
	struct h0_head head;
	const char *why;        /* of H0_PARSE_BAD: a clause */
	int status;             /* what to answer to a bad request: 400, 431, 505 */
	size_t head_max;        /* may be changed between two calls */
	/* private */
	uint64_t priv[20];
	const struct h0_parse_calls *calls;
	void *arg;
	size_t head_bytes, extension_bytes;
	unsigned lines;
	size_t field;           /* where the field that is read begins in head.text */
	enum h0_field id;       /* ... and which one it is, once its name is complete */
	bool in_head, in_field, stopped;
	size_t line;            /* bytes of the head's current line so far */
	char last;              /* the byte before */
	bool lines_begun, lines_over;
};

void h0_parse_init(struct h0_parse *p, bool response, const struct h0_parse_calls *calls, void *arg);
/* Ready for the next message of the connection; the head's memory is kept. */
void h0_parse_reset(struct h0_parse *p);
/* Reads up to the end of the message; *ret_used tells how far. */
enum h0_parse_state h0_parse_feed(struct h0_parse *p, const char *data, size_t n, size_t *ret_used);
/* The connection has ended: DONE when that ends the message, MORE when none had begun, else BAD. */
enum h0_parse_state h0_parse_eof(struct h0_parse *p);
void h0_parse_done(struct h0_parse *p);

#endif
