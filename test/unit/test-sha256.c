/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SHA-256 against the examples of FIPS 180-4 and lengths around the block.
 */
#include "tap.h"

#include "base/sha256.h"

static void of(const char *text, const char *want)
{
	char got[H0_SHA256_TEXT];
	h0_sha256_of(text, strlen(text), got);
	is_str(got, want, want);
}

int main(void)
{
	static char million[1000000], got[H0_SHA256_TEXT], split[H0_SHA256_TEXT];
	of("", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	of("abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	   "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', sizeof million);
	h0_sha256_of(million, sizeof million, got);
	is_str(got, "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	       "a million a");
	bool same = true;
	for (size_t n = 0; n < 200; n++) {
		struct h0_sha256 s;
		h0_sha256_init(&s);
		for (size_t i = 0; i < n; i += 7)
			h0_sha256_add(&s, million, n - i < 7 ? n - i : 7);
		h0_sha256_text(&s, split);
		h0_sha256_of(million, n, got);
		same = same && strcmp(got, split) == 0;
	}
	struct h0_sha256 plain;
	h0_sha256_init_plain(&plain);
	h0_sha256_add(&plain, million, 33);
	h0_sha256_add(&plain, million, sizeof million - 33);
	h0_sha256_text(&plain, split);
	is_str(split, "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	       "a million a without the processor's help");
	ok(same, "in pieces as at once, lengths 0 to 199");
	return tap_done();
}
