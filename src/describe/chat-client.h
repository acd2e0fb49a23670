/* Questions to a server that speaks the chat-completions protocol (llama.cpp, vLLM, Ollama, LM Studio …): the one that the
 * user names, and no other. Redirections are not followed, so that a key goes nowhere else; nothing is logged.
 *
 * A request ends after timeout_ms as a whole; an answer larger than 4 MiB is refused; 429, 5xx and broken connections are
 * tried again after a pause that doubles (or as long as Retry-After says, at most 30 s). */
#pragma once

#include "job.h"

typedef struct {
  const char *url;         /* "http://127.0.0.1:8080/v1": /chat/completions is appended */
  const char *model;
  const char *key;         /* sent as "Authorization: Bearer …"; NULL or "" = none */
  unsigned    timeout_ms;  /* 0 = 120,000 */
  unsigned    attempts;    /* 0 = 5 */
  unsigned    backoff_ms;  /* pause before the second attempt; 0 = 500 */
} CsChatServer;

typedef struct CsChatClient CsChatClient;

/* Refuses an address that is not http or https, or that holds a password, and a key that cannot be a header. Nothing is sent
 * yet. Used on one thread only. */
CsChatClient *cs_chat_client_new (const CsChatServer *server, GError **error);
void          cs_chat_client_free (CsChatClient *client);

/* The text of the answer ("" where the server gave none); free with g_free(). CS_ERROR_IO where the server cannot be reached or
 * refuses, CS_ERROR_FORMAT where what it sends is no chat completion. job may be NULL. */
char *cs_chat_client_ask (CsChatClient *client, CsJob *job, const char *system, const char *user, double temperature,
                          size_t max_tokens, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsChatClient, cs_chat_client_free)
