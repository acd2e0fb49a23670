/* Corpora: what the models read. Three kinds, told apart by name and content:
 *   .txt                 plain text, documents parted by blank lines
 *   .jsonl (or .jsonl.gz) one object a line with "text", or with "messages" [{"role", "content"} …]
 * (rendered with the chat model's template), optionally "spans" [{"start", "end", "concept",
 * "model-side"}] in bytes of the text Read forward, one document at a time; a bad line is an error
 * that names file and line. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib-object.h>

#include "chat.h"
#include "tokenizer.h"

typedef struct
{
  size_t start, end; /* bytes of the document's text */
  char *concept;
  bool model_side; /* in what the model says, not in what the user says */
} CsSpan;

typedef struct
{
  char *text;    /* as tokenized; without BOS where the tokenizer adds it */
  GArray *spans; /* CsSpan */
  bool is_chat;
  CsRendering *rendering; /* of a conversation that the chat template wrote, BOS included; else NULL */
} CsCorpusDocument;

void cs_corpus_document_clear (CsCorpusDocument *document);

typedef struct CsCorpus CsCorpus;

/* chat may be NULL: then a line with "messages" but no "text" is an error. Both are borrowed. */
CsCorpus *cs_corpus_open (const char *path,
                          const CsChatTemplate *chat,
                          const CsTokenizer *tokenizer,
                          GError **error);
void cs_corpus_free (CsCorpus *corpus);
const char *cs_corpus_name (const CsCorpus *corpus); /* the file's name without folder and suffix */
/* Fills *document (clear it after use); false with no error set at the end. */
bool cs_corpus_next (CsCorpus *corpus, CsCorpusDocument *document, GError **error);
/* Encodes a document once, BOS first where the tokenizer has one, never twice, cut at max_tokens
 * (the paper: 1024). ids: int32_t appended; spans may be NULL, else CsTokenSpan appended. */
void cs_corpus_encode (const CsTokenizer *tokenizer,
                       const CsCorpusDocument *document,
                       size_t max_tokens,
                       GArray *ids,
                       GArray *spans);
/* What each of those tokens is: uint8_t CsTokenKind and int32_t message index (as in CsRendering) appended to kinds and
 * turns, as many as cs_corpus_encode() appends ids. Text that no template wrote is of CS_TOKEN_CONTENT_OTHER and of
 * message −1. */
void cs_corpus_token_kinds (const CsTokenizer *tokenizer,
                            const CsCorpusDocument *document,
                            const int32_t *ids,
                            size_t n_ids,
                            GArray *kinds,
                            GArray *turns);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsCorpus, cs_corpus_free)
