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
 * text, or, where start is NULL, from byte origin + i (which means nothing where nobody asks). */
typedef struct
{
  const char     *text;
  size_t          size;
  const uint32_t *start, *end;
  size_t          origin;
  size_t          n_first; /* so many bytes came from the caller's first character */
  bool            tracked; /* somebody asks where the bytes came from */
} CsTextView;

/* A buffer that a changed text is written to; reused from text to text. */
typedef struct
{
  GByteArray *bytes;
  GArray     *start, *end; /* uint32_t, one a byte, where tracked */
  size_t      limit; /* bytes that would go beyond it are left out */
  size_t      n_first;
  bool        tracked;
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
size_t   cs_utf8_length (const char *s); /* of the well-formed character at s */
/* Appends text with each ill-formed part as U+FFFD; a part that the end cuts stays out where
 * keep_tail. Returns the bytes read. */
size_t cs_utf8_scrub (GString *out, const char *text, size_t size, bool keep_tail);

void cs_text_buffer_init (CsTextBuffer *buffer);
void cs_text_buffer_clear (CsTextBuffer *buffer);
/* Begins a text made from view. */
void cs_text_buffer_begin (CsTextBuffer *buffer, const CsTextView *view);
/* The bytes from … to−1 of view as they are. */
void cs_text_buffer_copy (CsTextBuffer *buffer, const CsTextView *view, size_t from, size_t to);
/* n bytes that stand for the bytes from … to−1 of view (from = to: put in before byte from). */
void cs_text_buffer_append (CsTextBuffer *buffer, const CsTextView *view, const char *bytes,
                            size_t n, size_t from, size_t to);
CsTextView cs_text_buffer_view (const CsTextBuffer *buffer);

CsTextView cs_text_slice (const CsTextView *view, size_t from, size_t to);
uint32_t   cs_text_start (const CsTextView *view, size_t at);
uint32_t   cs_text_end (const CsTextView *view, size_t to);
CsTextView cs_text_scrub (const char *text, size_t size, bool tracked, CsTextBuffer *buffer);

/* ---- characters (tokenizer-unicode.c) ---------------------------------- */

bool cs_is_white_space (gunichar c); /* Unicode's White_Space */
bool cs_is_mark (gunichar c);        /* \p{M} */
bool cs_is_number (gunichar c);      /* \p{N} */
bool cs_is_punctuation (gunichar c); /* \p{P} of Unicode 8 and ASCII's $+<=>^`|~ */
/* \w of UTS 18: Alphabetic, marks, decimal numbers, connectors, join controls. */
bool cs_is_word_character (gunichar c);

/* ---- patterns (tokenizer-pattern.c, tokenizer-regex.c) ----------------- */

/* What one thread matches with. */
typedef struct
{
  pcre2_match_data    *data;
  pcre2_match_context *context;
  pcre2_jit_stack     *jit_stack;
  uint64_t             failed; /* bit i: pattern i ran into its limits in this call */
} CsMatcher;

void cs_matcher_init (CsMatcher *matcher);
void cs_matcher_clear (CsMatcher *matcher);

typedef bool (*CsCharacterTest) (gunichar c);

/* One of: a text, a kind of character, a regular expression, nothing at all. */
typedef struct
{
  char           *literal;
  size_t          n_literal;
  CsCharacterTest test;
  pcre2_code     *code;
  unsigned        number; /* its bit in CsMatcher.failed */
} CsPattern;

#define CS_MAX_PATTERNS 64

typedef struct
{
  size_t from, to;  /* of the match */
  size_t searched;  /* where the next search begins */
  bool   found_one; /* a match before */
} CsMatchState;

/* A pattern that finds this text; content is not empty. */
void cs_pattern_set_literal (CsPattern *pattern, const char *content);
/* A regular expression as the Rust library reads it (Oniguruma's Ruby syntax). `what` is the part
 * of the file that it is in. */
bool cs_pattern_set_regex (CsPattern *pattern, const char *regex, const char *path,
                           const char *what, GError **error);
void cs_pattern_set_gpt2 (CsPattern *pattern);
void cs_pattern_clear (CsPattern *pattern);
bool cs_pattern_is_set (const CsPattern *pattern);
/* The next match; state starts as zeros. No empty match follows right behind another match. Where
 * a regular expression runs into its limits, there is no further match in this call. */
bool cs_pattern_next (const CsPattern *pattern, CsMatcher *matcher, const char *text, size_t size,
                      CsMatchState *state);
/* The same expression for PCRE2; NULL with error for what it cannot say. */
char *cs_regex_translate (const char *regex, GError **error);

/* ---- normalizers (tokenizer-normalize.c, tokenizer-forms.c) ------------ */

typedef struct CsScratch CsScratch;

typedef enum
{
  CS_NORMALIZE_FORM,
  CS_NORMALIZE_LOWERCASE,
  CS_NORMALIZE_STRIP_ACCENTS,
  CS_NORMALIZE_STRIP,
  CS_NORMALIZE_REPLACE,
  CS_NORMALIZE_PREPEND,
  CS_NORMALIZE_BYTE_LEVEL,
} CsNormalizeKind;

typedef struct
{
  CsNormalizeKind kind;
  GNormalizeMode  form;
  bool            left, right; /* of Strip */
  CsPattern       pattern;     /* of Replace */
  char           *content;     /* of Replace and Prepend */
} CsNormalizeStep;

void cs_normalize_step_clear (CsNormalizeStep *step);
/* The result may lie in buffers of scratch, until the next call. */
CsTextView cs_normalize (const GArray *steps, CsScratch *scratch, const CsTextView *view);
CsTextView cs_normalize_form (GNormalizeMode form, const CsTextView *view, CsTextBuffer *buffer);
/* Every byte as its character of the byte alphabet. */
CsTextView cs_text_to_alphabet (const CsTextView *view, CsTextBuffer *buffer);

/* ---- vocabulary (tokenizer-vocab.c) ------------------------------------ */

/* The alphabet in which byte-level vocabularies spell bytes (GPT-2): printable ones as themselves.
 */
gunichar cs_byte_to_alphabet (uint8_t byte);
int      cs_byte_from_alphabet (gunichar c); /* −1 for other characters */

typedef struct
{
  GByteArray *pool;     /* all strings */
  GArray     *spelling; /* uint32_t by id: NUL-terminated in pool, or CS_NO_TEXT */
  size_t      n_pieces;
  int32_t    *slots;             /* hash table of the model's pieces by spelling; −1 empty */
  size_t      n_slots;           /* a power of two */
  int32_t     byte_ids[256];     /* the piece of a byte in the byte alphabet, −1 for none */
  int32_t     fallback_ids[256]; /* the piece <0xNN>, −1 for none */
  int32_t    *character_ids;     /* by characters below U+10000; −1 for none */
} CsVocab;

void cs_vocab_init (CsVocab *vocab);
void cs_vocab_clear (CsVocab *vocab);
/* false where the id is taken. */
bool        cs_vocab_add (CsVocab *vocab, int32_t id, const char *spelling);
void        cs_vocab_index (CsVocab *vocab); /* after the model's pieces, before the added tokens */
const char *cs_vocab_spelling (const CsVocab *vocab, int32_t id);
/* These know the model's pieces only; −1 for what is none. */
int32_t cs_vocab_find (const CsVocab *vocab, const char *spelling, size_t size);
int32_t cs_vocab_find_bytes (const CsVocab *vocab, const char *bytes, size_t size);
int32_t cs_vocab_find_character (const CsVocab *vocab, const char *s, size_t size);

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
  GHashTable   *respelled; /* id + 1 → what normalized tokens decode as, where it is not the content */
  CsPatternTrie raw, normalized;
} CsAddedTokens;

typedef struct
{
  size_t  start, stop;
  size_t  stripped; /* how far rstrip has gone */
  int32_t id;
} CsAddedMatch;

void cs_added_init (CsAddedTokens *added);
void cs_added_clear (CsAddedTokens *added);
/* Takes the strings of token over. */
void cs_added_append (CsAddedTokens *added, CsAddedToken *token);
/* After the last: of two that look for the same text, a special one is found, else the first. */
void cs_added_index (CsAddedTokens *added);
/* The next token at or after *from (leftmost, longest), which moves behind it; match is zeros at the
 * beginning. White space before `done` went to the token before; without lstrip it may be a token
 * once more. */
bool cs_added_next (const CsAddedTokens *added, bool normalized, const CsTextView *view,
                    size_t done, size_t *from, CsAddedMatch *match);

/* ---- splitting into words (tokenizer-split.c) -------------------------- */

typedef enum
{
  CS_SPLIT_ISOLATED,
  CS_SPLIT_REMOVED,
  CS_SPLIT_CONTIGUOUS,
  CS_SPLIT_MERGED_WITH_PREVIOUS,
  CS_SPLIT_MERGED_WITH_NEXT,
} CsSplitBehavior;

typedef enum
{
  CS_PREPEND_NEVER,
  CS_PREPEND_FIRST, /* where the text begins */
  CS_PREPEND_ALWAYS,
} CsPrependScheme;

/* First the text is changed, then split at the pattern, where there is one. */
typedef struct
{
  CsPattern       pattern;
  CsSplitBehavior behavior;
  bool            invert;
  CsPrependScheme prepend;
  char            replacement[8]; /* of Metaspace: for every space, and what is put first; else "" */
  bool            to_alphabet;    /* after splitting: ByteLevel that is not the last step */
} CsSplitStep;

typedef void (*CsWordFunc) (void *data, const CsTextView *word);

void cs_split_step_clear (CsSplitStep *step);
/* Calls func for every word of view, with words in buffers of scratch where steps change them. */
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

/* ---- what a word begins as (tokenizer-symbols.c) ----------------------- */

/* Characters that stand beside each other inside some piece that merging makes. Between two
 * characters of the vocabulary that do so nowhere, no merge ever happens: a word may be cut there. */
typedef struct
{
  uint64_t *slots; /* left << 32 | right; UINT64_MAX empty */
  size_t    n_slots, n_pairs;
  uint8_t  *common; /* of ASCII and U+2581, 129 × 129 */
} CsNeighbours;


void cs_neighbours_init (CsNeighbours *neighbours, const CsTokenizer *tokenizer);
void cs_neighbours_clear (CsNeighbours *neighbours);
/* End of the part that begins at from and can be encoded by itself. */
size_t cs_neighbours_cut (const CsNeighbours *neighbours, const CsVocab *vocab,
                          const CsTextView *word, size_t from);
/* Fills scratch->symbols. */
void cs_word_symbols (const CsTokenizer *tokenizer, CsScratch *scratch, const CsTextView *word);

/* Words met before and their tokens. Bounded: it starts anew when full. */
typedef struct
{
  int32_t id;
  uint8_t start, end; /* bytes of the word */
} CsCachedToken;

typedef struct CsWordCache CsWordCache;
CsWordCache               *cs_word_cache_new (void);
void                       cs_word_cache_free (CsWordCache *cache);
bool                       cs_word_cache_accepts (size_t size);
const CsCachedToken *cs_word_cache_find (const CsWordCache *cache, const char *word, size_t size,
                                         size_t *n);
void cs_word_cache_put (CsWordCache *cache, const char *word, size_t size, const CsSymbol *symbols,
                        size_t n);

#define CS_MAX_STEPS 32

/* What one encoding thread works with; a tokenizer keeps one for the next call. */
struct CsScratch
{
  CsWordCache *cache;
  CsMatcher    matcher;
  CsTextBuffer scrubbed, normalized[2];
  CsTextBuffer split[CS_MAX_STEPS][2]; /* a step's changed text, and its words in the alphabet */
  GArray      *symbols;                /* CsSymbol */
  GArray      *queue;                  /* of cs_merges_apply() */
  GArray      *links;
};

CsScratch *cs_scratch_new (void);
void       cs_scratch_free (CsScratch *scratch);
void       cs_scratch_begin (CsScratch *scratch, size_t size); /* a text of size bytes */
size_t     cs_scratch_kept_bytes (const CsScratch *scratch);

/* ---- decoders (tokenizer-decode.c) ------------------------------------- */

typedef enum
{
  CS_DECODE_JOIN, /* no decoder: a space between tokens */
  CS_DECODE_BYTE_LEVEL,
  CS_DECODE_REPLACE,
  CS_DECODE_BYTE_FALLBACK,
  CS_DECODE_FUSE,
  CS_DECODE_STRIP,
  CS_DECODE_METASPACE,
} CsDecodeKind;

typedef struct
{
  CsDecodeKind kind;
  CsPattern    pattern;        /* of Replace */
  char        *content;        /* of Replace */
  char         character[8];   /* what Strip strips, what Metaspace turns into a space */
  size_t       start, stop;    /* how many Strip strips */
  bool         drop_in_first;  /* Metaspace: none in the first token */
} CsDecodeStep;

void cs_decode_step_clear (CsDecodeStep *step);

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
  GString        *normalizer_text, *splitter_text; /* the steps in words, to compare */
  CsVocab         vocab;
  CsMerges        merges;
  GArray         *merge_list; /* CsMerge in the file's order, to compare */
  CsNeighbours    neighbours;
  bool            scanned; /* vocabulary and merges were read by cs_tokenizer_scan() */
  bool            ignore_merges, fuse_unk, byte_fallback;
  bool            byte_words; /* words are bytes, to be spelled in the byte alphabet */
  int32_t         unk_id;     /* −1: what is unknown is left out */
  unsigned        n_patterns;
  CsAddedTokens   added;
  GArray         *normalizer;      /* CsNormalizeStep */
  GArray         *steps;           /* CsSplitStep */
  GArray         *decoder;         /* CsDecodeStep */
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
/* Reads vocabulary and merges off the text of tokenizer.json; rest gets the text with both of them empty. False where anything
 * about them is unusual: then the tokenizer is to be thrown away. */
bool cs_tokenizer_scan (CsTokenizer *tokenizer, const char *content, size_t size, GString *rest);
bool cs_tokenizer_read_model (CsTokenizer *tokenizer, json_t *model, GError **error);
bool cs_tokenizer_read_normalizer (CsTokenizer *tokenizer, json_t *part, GError **error);
bool cs_tokenizer_read_pre_tokenizer (CsTokenizer *tokenizer, json_t *part, GError **error);
bool cs_tokenizer_read_post_processor (CsTokenizer *tokenizer, json_t *part, GError **error);
bool cs_tokenizer_read_decoder (CsTokenizer *tokenizer, json_t *part, GError **error);

/* ---- what the readers share (tokenizer-parts.c) ------------------------ */

/* "path: " and a sentence; returns false. */
bool cs_tokenizer_fail (const CsTokenizer *tokenizer, int code, GError **error, const char *format,
                        ...) G_GNUC_PRINTF (4, 5);
const char *cs_part_type (json_t *part); /* "unnamed" without one */
/* `what` has a part of this type, which is not known. */
bool cs_part_refuse (const CsTokenizer *tokenizer, const char *what, const char *type,
                     GError **error);

typedef bool (*CsPartFunc) (CsTokenizer *tokenizer, json_t *part, GError **error);

/* Calls func for part, or for each part of a Sequence (whose list has the name `list`). */
bool cs_part_each (CsTokenizer *tokenizer, json_t *part, const char *list, CsPartFunc func,
                   GError **error);
/* part's “pattern”: {"String": …} or {"Regex": …}. */
bool cs_part_pattern (CsTokenizer *tokenizer, json_t *part, const char *what, CsPattern *pattern,
                      GError **error);
/* part's “content” or the like: at most CS_MAX_CONTENT bytes; a new string. */
bool cs_part_content (CsTokenizer *tokenizer, json_t *part, const char *what, const char *key,
                      char **content, GError **error);
/* A string of one character, "" where that is what the file has (not for a NULL fallback). */
bool cs_part_character (CsTokenizer *tokenizer, json_t *part, const char *what, const char *key,
                        const char *fallback, char character[8], GError **error);

#define CS_MAX_CONTENT 256
