// SPDX-License-Identifier: GPL-3.0-or-later
//
// toml++'s part of test/bench/toml.c.
#include <cstdlib>
#include <string_view>

#include <toml++/toml.h>

extern "C" {
#include "bench.h"
double bench_tomlplusplus(const char *text, size_t len, size_t *ret_values);
}

static size_t count(const toml::node &n)
{
	size_t values = 0;
	if (const toml::table *t = n.as_table()) {
		for (auto &&[key, child] : *t)
			values += count(child);
	} else if (const toml::array *a = n.as_array()) {
		for (auto &&child : *a)
			values += count(child);
	} else {
		return 1;
	}
	return values ? values : 1;
}

double bench_tomlplusplus(const char *text, size_t len, size_t *ret_values)
{
	double from = bench_ms();
	toml::table *t = new toml::table(toml::parse(std::string_view(text, len), std::string_view("bench.toml")));
	double ms = bench_ms() - from;
	*ret_values = count(*t);
	from = bench_ms();
	delete t;
	return ms + bench_ms() - from;
}
