#include "conversations.h"

#include "errors.h"
#include "token-markers.h"

/* Tokens that matter: up to the last position that predicts an answer's token. */
static size_t
useful_tokens (const CsTurnToken *turns, size_t n)
{
  while (n > 0 && !turns[n - 1].predicts)
    n--;
  return n;
}

void
cs_document_turns (const CsSource *source,
                   const CsTokenMarkers *markers,
                   const GArray *ids,
                   CsTurnToken *tokens)
{
  const int32_t *data = (const int32_t *)(const void *)ids->data;

  if (source->kinds->len == ids->len)
    cs_turn_tokens_of_kinds ((const uint8_t *)source->kinds->data,
                             (const int32_t *)(const void *)source->turns->data, ids->len, tokens);
  else
    cs_turn_tokens (markers, data, ids->len, tokens);
}

static void
add_conversation (GArray *list,
                  const CsSource *source,
                  const CsTokenMarkers *markers,
                  const GArray *ids,
                  size_t *skip)
{
  const int32_t *tokens = (const int32_t *)(const void *)ids->data;
  g_autofree CsTurnToken *turns = g_new (CsTurnToken, ids->len);
  CsConversation conversation;

  cs_document_turns (source, markers, ids, turns);
  conversation.n = useful_tokens (turns, ids->len);
  if (conversation.n == 0)
    return;
  if (*skip > 0)
    {
      (*skip)--;
      return;
    }
  conversation.ids = g_memdup2 (tokens, conversation.n * sizeof *tokens);
  conversation.turns = g_steal_pointer (&turns);
  g_array_append_val (list, conversation);
}

static bool
read_source (CsSource *source,
             GArray *list,
             const CsPair *pair,
             size_t skip,
             size_t max,
             GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GError) local = NULL;
  CsTokenMarkers markers;
  size_t dropped;
  int corpus;

  source->wants_kinds = true;
  cs_token_markers_find (&markers, pair->tokenizer);
  while (list->len < max && cs_source_next (source, ids, &dropped, &corpus, &local))
    add_conversation (list, source, &markers, ids, &skip);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return false;
    }
  if (list->len > 0)
    return true;
  g_set_error_literal (
      error, CS_ERROR, CS_ERROR_USAGE,
      "There is no conversation with an answer of the model in what was read: name "
      "a corpus of chats in the chat model's template.");
  return false;
}

bool
cs_conversations_read (CsConversations *conversations,
                       const CsPair *pair,
                       const char *const *corpora,
                       size_t skip,
                       size_t max_documents,
                       size_t max_tokens,
                       GError **error)
{
  const CsHarvestOptions options = { .corpora = corpora, .max_document = max_tokens };
  GArray *list = g_array_new (FALSE, TRUE, sizeof (CsConversation));
  CsSource source = { 0 };
  bool ok;

  ok = cs_source_open (&source, &options, pair->tokenizer, pair->chat, error);
  if (ok)
    conversations->corpora = cs_source_names (&source);
  ok = ok && read_source (&source, list, pair, skip, max_documents, error);
  cs_source_clear (&source);
  conversations->n = list->len;
  conversations->items = (CsConversation *)(void *)g_array_free (list, FALSE);
  return ok;
}

void
cs_conversations_clear (CsConversations *conversations)
{
  for (size_t i = 0; i < conversations->n; i++)
    {
      g_free (conversations->items[i].ids);
      g_free (conversations->items[i].turns);
    }
  g_clear_pointer (&conversations->items, g_free);
  g_clear_pointer (&conversations->corpora, g_strfreev);
  conversations->n = 0;
}
