/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"

#define COMFYUI "the image server speaks its own protocol, not /v1"

const struct h0_endpoint h0_endpoints[] = {
	{"/v1/chat/completions", "POST", H0_ASK_CHAT, H0_TYPE_LLM, H0_BODY_JSON,
	 .help = "chat"},
	{"/v1/completions", "POST", H0_ASK_COMPLETION, H0_TYPE_LLM, H0_BODY_JSON,
	 .help = "text completion without a chat template"},
	{"/v1/responses", "POST", H0_ASK_RESPONSES, H0_TYPE_LLM, H0_BODY_JSON,
	 .help = "chat, in the Responses form"},
	{"/v1/messages", "POST", H0_ASK_MESSAGES, H0_TYPE_LLM, H0_BODY_JSON,
	 .help = "chat, in the Messages form"},
	{"/v1/messages/count_tokens", "POST", H0_ASK_MESSAGES, H0_TYPE_LLM, H0_BODY_JSON,
	 .help = "length of a Messages request in tokens"},
	{"/v1/embeddings", "POST", H0_ASK_EMBEDDING, H0_TYPE_EMBEDDING, H0_BODY_JSON,
	 .help = "vectors for texts"},
	{"/v1/rerank", "POST", H0_ASK_RERANK, H0_TYPE_RERANKING, H0_BODY_JSON,
	 .help = "documents by relevance"},
	{"/v1/reranking", "POST", H0_ASK_RERANK, H0_TYPE_RERANKING, H0_BODY_JSON, "/v1/rerank",
	 .help = "another name of /v1/rerank"},
	{"/v1/rerankings", "POST", H0_ASK_RERANK, H0_TYPE_RERANKING, H0_BODY_JSON, "/v1/rerank",
	 .help = "another name of /v1/rerank"},
	{"/v1/audio/speech", "POST", H0_ASK_SPEECH, H0_TYPE_TTS, H0_BODY_JSON,
	 .help = "text to sound"},
	{"/v1/audio/transcriptions", "POST", H0_ASK_TRANSCRIPTION, H0_TYPE_TRANSCRIPTION,
	 H0_BODY_MULTIPART, .help = "sound to text"},
	{"/v1/images/generations", "POST", H0_ASK_IMAGE, H0_TYPE_IMAGE, H0_BODY_JSON, NULL, COMFYUI,
	 "text to image"},
	{"/v1/images/edits", "POST", H0_ASK_IMAGE, H0_TYPE_IMAGE, H0_BODY_MULTIPART, NULL, COMFYUI,
	 "image and text to image"},
	{"/v1/images/variations", "POST", H0_ASK_IMAGE, H0_TYPE_IMAGE, H0_BODY_MULTIPART, NULL, COMFYUI,
	 "image to image"},
	{"/v1/models", "GET", H0_ASK_LOCAL, H0_TYPE_LLM, H0_BODY_NONE,
	 .help = "slots, their models and the virtual names"},
	{"/health", "GET", H0_ASK_LOCAL, H0_TYPE_LLM, H0_BODY_NONE, .help = "the router's own health"},
	{"/metrics", "GET", H0_ASK_LOCAL, H0_TYPE_LLM, H0_BODY_NONE, .help = "figures for Prometheus"},
};
const size_t h0_nendpoints = H0_ARRAY_LEN(h0_endpoints);

static const struct h0_endpoint *lookup(const char *path, size_t n)
{
	for (size_t i = 0; i < h0_nendpoints; i++)
		if (strlen(h0_endpoints[i].path) == n && memcmp(h0_endpoints[i].path, path, n) == 0)
			return &h0_endpoints[i];
	return NULL;
}

const struct h0_endpoint *h0_endpoint_find(const char *path, char *dst, size_t size)
{
	while (h0_starts(path, "/v1/v1/"))
		path += 3;
	size_t n = strcspn(path, "?#");
	const char *query = path + n;
	while (n > 1 && path[n - 1] == '/')
		n--;
	const struct h0_endpoint *ep = lookup(path, n);
	const char *prefix = "";
	char longer[128];
	if (!ep && n < sizeof longer - 8) {
		int len = snprintf(longer, sizeof longer, "/v1%.*s", (int)n, path);
		ep = lookup(longer, (size_t)len);
		prefix = ep ? "/v1" : "";
	}
	int len = snprintf(dst, size, "%s%.*s%s", prefix, (int)n, path, query);
	return len > 0 && (size_t)len < size ? ep : NULL;
}

const struct h0_endpoint *h0_endpoint_of_type(enum h0_slot_type type)
{
	for (size_t i = 0; i < h0_nendpoints; i++)
		if (h0_endpoints[i].type == type && h0_endpoints[i].ask != H0_ASK_LOCAL)
			return &h0_endpoints[i];
	return NULL;
}

bool h0_path_ok(const char *path)
{
	for (const char *p = path; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return *path == '/';
}
