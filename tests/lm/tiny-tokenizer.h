/* A small byte-level tokenizer written to a temporary folder: the 256 bytes, a few merges, added tokens. */
#pragma once

#include "json.h"
#include "tokenizer.h"

/* tokenizer.json as a value that a test may change: pieces "th", "the", "Ġthe", "in", "ing" above the 256 bytes, then
 * <bos> 300, <eos> 301, <start_of_turn> 302, <end_of_turn> 303, all special; GPT-2's pattern, BOS by a template. */
json_t *tiny_tokenizer_json (void);
/* A new temporary folder with tokenizer.json and, where given, tokenizer_config.json. */
char   *tiny_folder_new (json_t *tokenizer, const char *config);
void    tiny_folder_remove (char *folder);
/* Opens, removes the folder; takes tokenizer over. */
CsTokenizer *tiny_tokenizer_open (json_t *tokenizer, GError **error);

/* The tiny tokenizer with parts of the file replaced: key, JSON, …, NULL. */
CsTokenizer *tiny_tokenizer_open_with (GError **error, const char *key, ...) G_GNUC_NULL_TERMINATED;
GArray      *tiny_ids_new (void);
/* Ids with a space between them. */
char        *tiny_encode (const CsTokenizer *tokenizer, const char *text, size_t size, bool special);

/* The cases of the other files of test-tokenizer. */
void add_reference_tests (void);
void add_hostile_tests (void);
void add_part_tests (void);
