/* Trains a byte-level BPE vocabulary and writes it as a Hugging Face tokenizer.
 *
 * Text is cut into pieces by CS_BPE_PATTERN, each piece is a word of bytes, and the most frequent
 * pair of neighbours within words is merged again and again (Sennrich et al. 2016). Ties go to the
 * pair of lower ids, so that the same counts always give the same vocabulary. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* GPT-2's pattern with digits one by one: arithmetic is easier to learn on single digits. */
#define CS_BPE_PATTERN                                                                             \
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/* Ids: the special tokens in this order, the 256 bytes in the order of their spellings, the merges.
 */
enum
{
  CS_SPECIAL_PAD,
  CS_SPECIAL_EOS,
  CS_SPECIAL_BOS,
  CS_SPECIAL_UNK,
  CS_SPECIAL_START_OF_TURN,
  CS_SPECIAL_END_OF_TURN,
  CS_N_SPECIALS
};

extern const char *const cs_bpe_special_names[CS_N_SPECIALS]; /* "<pad>", "<eos>", … */

/* Counts of pieces; add any number of texts, then train. Text inside special tokens is not counted.
 */
typedef struct CsBpeTrainer CsBpeTrainer;

CsBpeTrainer *cs_bpe_trainer_new (void);
void cs_bpe_trainer_free (CsBpeTrainer *trainer);
/* text: UTF-8, NUL-terminated (an ill-formed text is not counted). */
void cs_bpe_trainer_add (CsBpeTrainer *trainer, const char *text);

typedef struct
{
  int32_t left, right; /* ids; the merge of index i has id CS_N_SPECIALS + 256 + i */
} CsBpeMerge;

/* At most vocab_size ids in all (fewer where no pair occurs twice). Returns CsBpeMerge, in order.
 */
GArray *cs_bpe_trainer_run (CsBpeTrainer *trainer, size_t vocab_size);

/* Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json into the folder (which
 * exists); with_template adds the chat template with Gemma's turns, as a chat model's folder has
 * it. */
bool cs_bpe_save (const GArray *merges, const char *folder, bool with_template, GError **error);
/* The same without tokenizer.json. */
bool cs_bpe_save_settings (const char *folder, bool with_template, GError **error);

/* GPT-2's table of the characters that bytes are spelled with: printable Latin-1 bytes stand for
 * themselves, the others for 256, 257, … */
void cs_bpe_byte_characters (gunichar characters[256]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsBpeTrainer, cs_bpe_trainer_free)
