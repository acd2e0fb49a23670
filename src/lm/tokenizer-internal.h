/* How the files of the tokenizer see each other; nothing outside lm/ includes this. */
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdatomic.h>
#include <string.h>

#include <jansson.h>

#include "tokenizer.h"

#define CS_VOCAB_MAX ((size_t)1 << 22) /* ids; far above any published vocabulary */
#define CS_NO_TEXT UINT32_MAX

/* ---- text and where it came from (tokenizer-text.c) -------------------- */

/* Text that is being worked on. Byte i came from the bytes start[i] … end[i]−1 of the caller's
 * text, or, where start is NULL, from byte origin + i. */
typedef struct
{
  const char     *text;
  size_t          size;
  const uint32_t *start, *end;
  size_t          origin;
} CsTextView;

/* A buffer that a changed text is written to; reused from text to text. */
typedef struct
{
  GByteArray *bytes;
  GArray     *start, *end; /* uint32_t, one a byte */
} CsTextBuffer;

typedef enum
{
  CS_UTF8_WELL_FORMED,
  CS_UTF8_BROKEN,
  CS_UTF8_UNFINISHED, /* the beginning of a character at the end of the text */
} CsUtf8Status;

/* Length of the character, or of the maximal ill-formed part (Unicode 3.9, WHATWG), at s; n ≥ 1. */
size_t   cs_utf8_step (const char *s, size_t n, CsUtf8Status *status);
gunichar cs_utf8_decode (const char *s); /* s is well-formed */
/* Appends text with each ill-formed part as U+FFFD; a part that the end cuts stays out where
 * keep_tail. Returns the bytes read. */
size_t cs_utf8_scrub (GString *out, const char *text, size_t size, bool keep_tail);
bool   cs_is_white_space (gunichar c); /* Unicode's White_Space */

void cs_text_buffer_init (CsTextBuffer *buffer);
void cs_text_buffer_clear (CsTextBuffer *buffer);

CsTextView cs_text_slice (const CsTextView *view, size_t from, size_t to);
uint32_t   cs_text_start (const CsTextView *view, size_t at);
uint32_t   cs_text_end (const CsTextView *view, size_t to);
CsTextView cs_text_scrub (const char *text, size_t size, CsTextBuffer *buffer);
CsTextView cs_text_nfc (const CsTextView *view, CsTextBuffer *buffer);
CsTextView cs_text_prepend_space (const CsTextView *view, CsTextBuffer *buffer);

/* ---- vocabulary (tokenizer-vocab.c) ------------------------------------ */

/* The alphabet in which byte-level vocabularies spell bytes (GPT-2): printable ones as themselves.
 */
gunichar cs_byte_to_alphabet (uint8_t byte);
int      cs_byte_from_alphabet (gunichar c); /* −1 for other characters */

typedef struct
{
  GByteArray *pool;     /* all strings */
  GArray     *spelling; /* uint32_t by id: NUL-terminated in pool, or CS_NO_TEXT */
  GArray     *bytes;    /* uint32_t by id: what it decodes to */
  GArray     *n_bytes;  /* uint32_t by id */
  size_t      n_pieces;
  int32_t    *slots;         /* hash table of the model's pieces by spelling; −1 empty */
  size_t      n_slots;       /* a power of two */
  int32_t     byte_ids[256]; /* the piece of a byte alone, −1 where the model has none */
} CsVocab;

void cs_vocab_init (CsVocab *vocab);
void cs_vocab_clear (CsVocab *vocab);
/* false where the id is taken. */
bool        cs_vocab_add (CsVocab *vocab, int32_t id, const char *spelling);
void        cs_vocab_index (CsVocab *vocab); /* after the model's pieces, before the added tokens */
const char *cs_vocab_spelling (const CsVocab *vocab, int32_t id);
int32_t     cs_vocab_find (const CsVocab *vocab, const char *spelling,
                           size_t size); /* model's pieces only */
int32_t     cs_vocab_find_bytes (const CsVocab *vocab, const char *bytes, size_t size);
const char *cs_vocab_bytes (const CsVocab *vocab, int32_t id,
                            size_t *size); /* NULL for an id it has not */

/* ---- added tokens (tokenizer-added.c) ---------------------------------- */

typedef struct
{
  char   *content;
  char   *pattern; /* what is looked for: the content, normalized where the token is */
  int32_t id;
  bool    special, normalized, lstrip, rstrip, single_word;
} CsAddedToken;

typedef struct
{
  GArray *nodes;      /* of a trie over bytes */
  int32_t first[256]; /* node of a pattern's first byte, −1 for none */
  bool    empty;
} CsPatternTrie;

typedef struct
{
  GArray       *tokens; /* CsAddedToken */
  GHashTable   *by_content;
  GHashTable   *special_ids;
  CsPatternTrie raw, normalized;
} CsAddedTokens;

typedef struct
{
  size_t  start, stop;
  int32_t id;
} CsAddedMatch;

void cs_added_init (CsAddedTokens *added);
void cs_added_clear (CsAddedTokens *added);
/* Takes the strings of token over. */
void cs_added_append (CsAddedTokens *added, CsAddedToken *token);
/* The next token at or after *from (leftmost, longest); *from moves behind it. */
bool cs_added_next (const CsAddedTokens *added, bool normalized, const CsTextView *view,
                    size_t *from, CsAddedMatch *match);

/* ---- splitting into words (tokenizer-split.c) -------------------------- */

typedef enum
{
  CS_SPLIT_ISOLATED,
  CS_SPLIT_REMOVED,
  CS_SPLIT_CONTIGUOUS,
  CS_SPLIT_MERGED_WITH_PREVIOUS,
  CS_SPLIT_MERGED_WITH_NEXT,
} CsSplitBehavior;

typedef struct
{
  pcre2_code     *code; /* NULL: does not split */
  CsSplitBehavior behavior;
  bool            invert;
  bool            add_prefix_space; /* before splitting */
} CsSplitStep;

typedef struct CsScratch CsScratch;
typedef void (*CsWordFunc) (void *data, const CsTextView *word);

/* A regular expression as the Rust library reads it (Oniguruma's Unicode \s, multi-line anchors),
 * or literal text. `name` is what errors call the file. */
pcre2_code *cs_split_compile (const char *pattern, bool literal, const char *name, GError **error);
pcre2_code *cs_split_compile_gpt2 (void);
/* Calls func for every word of view. Where a pattern runs into its limits the rest stays one word.
 */
void cs_split_run (const GArray *steps, CsScratch *scratch, const CsTextView *view, CsWordFunc func,
                   void *data);

/* ---- merging (tokenizer-merge.c, tokenizer-cache.c) -------------------- */

typedef struct
{
  uint64_t pair; /* left id << 32 | right id; UINT64_MAX empty */
  uint32_t rank;
  int32_t  id; /* what the two become */
} CsMerge;

typedef struct
{
  CsMerge *slots;
  size_t   n_slots; /* a power of two, or 0 */
  size_t   n_merges;
} CsMerges;

typedef struct
{
  int32_t  id;
  uint32_t start, end; /* bytes of the word */
} CsSymbol;

void cs_merges_init (CsMerges *merges, size_t n);
void cs_merges_clear (CsMerges *merges);
void cs_merges_set (CsMerges *merges, int32_t left, int32_t right, uint32_t rank, int32_t id);
const CsMerge *cs_merges_find (const CsMerges *merges, int32_t left, int32_t right);

/* Merges symbols in place, the pair of lowest rank first and the leftmost of equals; returns how
 * many are left. */
size_t cs_merges_apply (const CsMerges *merges, CsScratch *scratch, CsSymbol *symbols, size_t n);

/* Words met before and their tokens. Bounded: it starts anew when full. */
typedef struct CsWordCache CsWordCache;
CsWordCache               *cs_word_cache_new (void);
void                       cs_word_cache_free (CsWordCache *cache);
bool                       cs_word_cache_accepts (size_t size);
const int32_t *cs_word_cache_find (const CsWordCache *cache, const char *word, size_t size,
                                   size_t *n_ids);
void cs_word_cache_put (CsWordCache *cache, const char *word, size_t size, const int32_t *ids,
                        size_t n_ids);

/* What one encoding thread works with; a tokenizer keeps one for the next call. */
struct CsScratch
{
  CsWordCache         *cache;
  pcre2_match_data    *match_data;
  pcre2_match_context *match_context;
  pcre2_jit_stack     *jit_stack;
  uint64_t             failed_steps; /* bit i: step i ran into its limits in this call */
  CsTextBuffer         scrubbed, normalized, prefixed;
  GArray              *symbols; /* CsSymbol */
  GArray              *queue;   /* of cs_merges_apply() */
  GArray              *links;
  GArray              *word_ids; /* int32_t */
};

#define CS_MAX_SPLIT_STEPS 64

CsScratch *cs_scratch_new (void);
void       cs_scratch_free (CsScratch *scratch);

/* ---- the whole --------------------------------------------------------- */

enum
{
  CS_SPECIAL_BOS,
  CS_SPECIAL_EOS,
  CS_SPECIAL_UNK,
  CS_SPECIAL_PAD,
  CS_SPECIAL_SEP,
  CS_SPECIAL_CLS,
  CS_SPECIAL_MASK,
  CS_N_SPECIAL,
};
extern const char *const cs_special_names[CS_N_SPECIAL];

struct CsTokenizer
{
  gatomicrefcount references;
  char           *path; /* of tokenizer.json, for errors */
  char           *hash;
  char           *pipeline; /* normalizer, pre-tokenizer and model options as JSON, to compare */
  CsVocab         vocab;
  CsMerges        merges;
  GArray         *merge_list; /* CsMerge in the file's order, to compare */
  bool            ignore_merges, fuse_unk, nfc, byte_level, byte_decoder;
  int32_t         unk_id; /* −1: unknown bytes are left out */
  CsAddedTokens   added;
  GArray         *steps;           /* CsSplitStep */
  GArray         *prefix, *suffix; /* int32_t: what the post-processor adds */
  char           *specials[CS_N_SPECIAL];
  _Atomic (CsScratch *) spare;
};

/* From the content of a tokenizer.json; path is what errors call it. */
CsTokenizer *cs_tokenizer_parse (const char *path, const char *content, size_t size,
                                 GError **error);
/* Fills an empty tokenizer from parsed JSON. */
bool cs_tokenizer_read (CsTokenizer *tokenizer, json_t *root, GError **error);
/* The parts of it. */
bool cs_tokenizer_read_model (CsTokenizer *tokenizer, json_t *model, GError **error);
bool cs_tokenizer_read_pipeline (CsTokenizer *tokenizer, json_t *root, GError **error);
/* "path: " and a sentence; returns false. */
bool cs_tokenizer_fail (const CsTokenizer *tokenizer, int code, GError **error, const char *format,
                        ...) G_GNUC_PRINTF (4, 5);
