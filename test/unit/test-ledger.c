/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "run/ledger.h"
#include "sys/io.h"
#include "sys/tree.h"

#define BUYERS 12
#define ROOM   5        /* of BUYERS who want one each */

static struct h0_paths paths;

static void write_file(const char *name, const char *text)
{
	char path[1300];
	snprintf(path, sizeof path, "%s/%s", paths.run, name);
	FILE *f = fopen(path, "w");
	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static int64_t booked(void)
{
	h0_autoledger struct h0_ledger l = {.lock = -1};
	int64_t sum = 0;
	h0_ledger_read(&paths, &l);
	for (size_t i = 0; i < l.n; i++)
		sum += l.v[i].host + l.v[i].device;
	return sum;
}

static void test_book(void)
{
	struct h0_err e = {0};
	h0_autoledger struct h0_ledger l = {.lock = -1};
	ok(booked() == 0, "no ledger is an empty one");
	is_int(h0_ledger_open(&paths, &l, &e), 0, "open");
	h0_ledger_book(&l, "a", 10, 3);
	h0_ledger_book(&l, "b", 5, 0);
	h0_ledger_book(&l, "a", 20, 1);
	is_int(h0_ledger_close(&paths, &l, &e), 0, "close");
	is_int(booked(), 26, "a second booking of a slot takes the place of the first");
	h0_ledger_forget(&paths, "a");
	is_int(booked(), 5, "forgotten");
	h0_ledger_forget(&paths, "b");
}

/* Takes one if there is room, and stays. */
static void buy(int i, int ready, int go)
{
	char name[16], c = 0;
	h0_autoledger struct h0_ledger l = {.lock = -1};
	snprintf(name, sizeof name, "s%d", i);
	(void)!read(go, &c, 1);
	c = 'n';
	if (h0_ledger_open(&paths, &l, NULL) == 0 && l.n < ROOM) {
		h0_ledger_book(&l, name, 1, 0);
		c = h0_ledger_close(&paths, &l, NULL) == 0 ? 'y' : 'e';
	}
	h0_ledger_done(&l);
	(void)!write(ready, &c, 1);
	pause();
	_exit(0);
}

static void test_at_once(void)
{
	int ready[2], go[2], sold = 0;
	pid_t pid[BUYERS];
	if (pipe(ready) < 0 || pipe(go) < 0)
		return;
	for (int i = 0; i < BUYERS; i++)
		if ((pid[i] = fork()) == 0)
			buy(i, ready[1], go[0]);
	char all[BUYERS] = {0}, c;
	(void)!write(go[1], all, BUYERS);
	for (int i = 0; i < BUYERS; i++)
		sold += read(ready[0], &c, 1) == 1 && c == 'y';
	is_int(sold, ROOM, "twelve want one of five at once: five get one");
	is_int(booked(), ROOM, "which are in the ledger");
	for (int i = 0; i < BUYERS; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	is_int(booked(), 0, "and are no longer when those who booked them are dead");
}

/* Of a slot whose booker is dead, by the process in its pid file. */
static void test_server(void)
{
	char text[32], dir[1300];
	pid_t booker = fork();
	if (booker == 0) {
		h0_autoledger struct h0_ledger l = {.lock = -1};
		bool done = h0_ledger_open(&paths, &l, NULL) == 0;
		h0_ledger_book(&l, "srv", 7, 0);
		_exit(done && h0_ledger_close(&paths, &l, NULL) == 0 ? 0 : 1);
	}
	waitpid(booker, NULL, 0);
	pid_t server = fork();
	if (server == 0) {
		pause();
		_exit(0);
	}
	snprintf(dir, sizeof dir, "%s/slots/srv", paths.run);
	snprintf(text, sizeof text, "%d\n", (int)server);
	ok(h0_mkdirs(dir, 0755, NULL) == 0, "a slot's directory");
	is_int(booked(), 0, "the booker is dead, there is no server");
	write_file("slots/srv/pid", text);
	is_int(booked(), 7, "its server holds the booking");
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	is_int(booked(), 0, "which ends with it");
}

static void test_nonsense(void)
{
	static const char *const texts[] = {"", "x", "[]", "{\"bookings\": 3}",
		"{\"boot\": \"another\", \"bookings\": [{\"slot\": \"a\", \"pid\": 1, \"host_bytes\": 5}]}",
		"{\"bookings\": [{\"slot\": \"../a\", \"pid\": 1}, 7, null, {\"slot\": \"a\", \"pid\": -1}]}"};
	for (size_t i = 0; i < H0_ARRAY_LEN(texts); i++) {
		h0_autoledger struct h0_ledger l = {.lock = -1};
		write_file("ledger.json", texts[i]);
		is_int(booked(), 0, texts[i]);
		ok(h0_ledger_open(&paths, &l, NULL) == 0, "it can be opened");
		h0_ledger_book(&l, "a", 2, 0);
		ok(h0_ledger_close(&paths, &l, NULL) == 0 && booked() == 2, "and written");
	}
}

int main(void)
{
	char dir[] = "/tmp/hal0-ledger.XXXXXX", *made = mkdtemp(dir);
	ok(made != NULL, "a directory");
	snprintf(paths.run, sizeof paths.run, "%s/run", dir);
	test_book();
	test_at_once();
	test_server();
	test_nonsense();
	h0_remove_tree(dir, NULL);
	return tap_done();
}
