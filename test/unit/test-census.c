/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

#include "serve/census.h"

static struct h0_census census = {.lock = PTHREAD_MUTEX_INITIALIZER, .salt = 7};

static struct h0_resident *come(const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(4711)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(4711)};
	if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
		return h0_census_add(&census, (struct sockaddr *)&in, sizeof in);
	inet_pton(AF_INET6, address, &in6.sin6_addr);
	return h0_census_add(&census, (struct sockaddr *)&in6, sizeof in6);
}

static void test_who(void)
{
	static const char *const nobody[] = {"127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"};
	for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++)
		ok(!come(nobody[i]), "%s is not counted", nobody[i]);
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	ok(!h0_census_add(&census, (struct sockaddr *)&un, sizeof un), "nor is a local socket");
	ok(!h0_census_add(&census, (struct sockaddr *)&un, 0), "nor what has no address");
	is_int(h0_census_count(&census, NULL), 0, "they have no connections");

	struct h0_resident *a = come("192.0.2.1"), *b = come("192.0.2.2"), *c = come("2001:db8::1"), *d = come("2001:db8::2");
	ok(a && b && c && d && a != b && c != d && a != c, "others are, each for itself");
	ok(come("::ffff:192.0.2.1") == a, "an IPv4 address is the same one over IPv6");
	is_int(h0_census_count(&census, a), 2, "it has both connections");
	h0_census_drop(&census, a);
	is_int(h0_census_count(&census, a), 1, "and one when one ends");
	h0_census_drop(&census, a);
	ok((a = come("192.0.2.1")) && h0_census_count(&census, a) == 1, "after the last it begins anew");
	h0_census_drop(&census, a);
	h0_census_drop(&census, b);
	h0_census_drop(&census, c);
	h0_census_drop(&census, d);
	h0_census_drop(&census, NULL);
}

/* Many addresses, each with a few connections: every one is found again. */
static void test_many(void)
{
	static struct h0_resident *r[3][2000];
	int wrong = 0;
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 2000; i++) {
			char text[32];
			snprintf(text, sizeof text, "10.1.%d.%d", i / 250, i % 250);
			r[round][i] = come(text);
		}
	for (int i = 0; i < 2000; i++)
		wrong += r[0][i] != r[1][i] || r[1][i] != r[2][i] || h0_census_count(&census, r[0][i]) != 3;
	for (int i = 0; i < 3000; i++)
		h0_census_drop(&census, r[i / 2000][i % 2000]);
	for (int i = 0; i < 2000; i++)
		wrong += h0_census_count(&census, r[2][i]) != (i < 1000 ? 1 : 2);
	is_int(wrong, 0, "two thousand addresses are counted apart");
	int rows = 0;
	for (unsigned i = 0; i < H0_CENSUS_ROWS; i++)
		rows += census.row[i] != NULL;
	ok(rows > 200, "and spread over the rows (%d of %u)", rows, H0_CENSUS_ROWS);
}

int main(void)
{
	test_who();
	test_many();
	h0_census_done(&census);
	return tap_done();
}
