/* Conversations of a corpus as tokens of known class, for experiments that look at answers. */
#pragma once

#include "causality-private.h"
#include "harvest-source.h"

typedef struct
{
  size_t n;
  CsConversation *items;
  char **corpora; /* names, NULL-terminated */
} CsConversations;

/* Takes documents from the corpora in turn, passes over the first `skip` that have an answer, and
 * keeps those that do up to max_documents, each cut at max_tokens and after its last prediction. No
 * conversation at all is an error. */
bool cs_conversations_read (CsConversations *conversations,
                            const CsPair *pair,
                            const char *const *corpora,
                            size_t skip,
                            size_t max_documents,
                            size_t max_tokens,
                            GError **error);
/* Of the document that the source gave last: tokens [ids->len]. */
void cs_document_turns (const CsSource *source,
                        const CsTokenMarkers *markers,
                        const GArray *ids,
                        CsTurnToken *tokens);
void cs_conversations_clear (CsConversations *conversations);
