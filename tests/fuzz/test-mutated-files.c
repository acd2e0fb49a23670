/* Malformed files of every kind that people open: model and crosscoder configurations, tokenizers, safetensors, PyTorch's
 * files and CSV tables, made from good ones by changes that the number of the case decides. Each is opened as the program
 * opens it. It has to be refused with one sentence, or, where the change left it good, to be usable. */
#include <string.h>

#include "../lm/test-model.h"
#include "../lm/tiny-tokenizer.h"

#include "chat.h"
#include "crosscoder.h"
#include "exchange.h"
#include "file-error.h"
#include "fuzz-file.h"
#include "latents-exchange.h"
#include "mutate.h"
#include "sentence.h"
#include "torch-file.h"

enum { MAX_CHANGES = 4 };

typedef enum { BYTES, JSON, SAFETENSORS } Kind;

/* One file of a folder is changed, the others stay. */
typedef struct {
  const char *path;                                        /* of the test */
  const char *file;
  const char *seeds;                                       /* a folder in seeds/, or NULL: the file of the folder */
  Kind        kind;                                        /* what else but bytes can be changed */
  unsigned    n;
  void      (*prepare) (const char *folder);               /* makes the folder's good files; may be NULL */
  bool      (*open) (const char *folder, GError **error);
} Case;

/* --- Changing --- */

static json_t *
parse (const char *text, size_t size)
{
  return json_loadb (text, size, JSON_DECODE_ANY, NULL);
}

/* The JSON in bytes[from, from + *size) is changed; false where there is none. */
static bool
change_document (CsRandom *r, GByteArray *bytes, size_t from, size_t *size)
{
  json_t *root = parse ((const char *) bytes->data + from, *size);
  GByteArray *changed;
  char *text;

  if (root == NULL)
    return false;
  root = fuzz_change_json (r, root);
  text = json_dumps (root, JSON_ENCODE_ANY | JSON_COMPACT);
  json_decref (root);
  g_assert_nonnull (text);
  changed = g_byte_array_new ();
  g_byte_array_append (changed, bytes->data, (guint) from);
  g_byte_array_append (changed, (const guint8 *) text, (guint) strlen (text));
  g_byte_array_append (changed, bytes->data + from + *size, (guint) (bytes->len - from - *size));
  g_byte_array_set_size (bytes, 0);
  g_byte_array_append (bytes, changed->data, changed->len);
  g_byte_array_unref (changed);
  *size = strlen (text);
  free (text);
  return true;
}

/* Where the document of the file is, and how long. */
static bool
find_document (Kind kind, const GByteArray *bytes, size_t *from, size_t *size)
{
  uint64_t length;

  *from = kind == SAFETENSORS ? sizeof length : 0;
  *size = bytes->len;
  if (kind != SAFETENSORS)
    return kind == JSON && *size > 0;
  if (bytes->len <= sizeof length)
    return false;
  memcpy (&length, bytes->data, sizeof length);
  *size = GUINT64_FROM_LE (length);
  return *size <= bytes->len - sizeof length;
}

static void
change (CsRandom *r, Kind kind, GByteArray *bytes)
{
  size_t from, size;

  if (cs_random_below (r, 3) > 0 && find_document (kind, bytes, &from, &size) && change_document (r, bytes, from, &size))
    {
      uint64_t length = GUINT64_TO_LE (size);

      if (kind == SAFETENSORS)
        memcpy (bytes->data, &length, sizeof length);
    }
  else
    fuzz_change (r, bytes);
}

/* --- The cases' folders --- */

static const TinyShape shape = { .dtype = CS_DTYPE_F32, .vocab_size = 32, .d_model = 8, .n_layers = 2, .n_heads = 2,
                                 .n_kv_heads = 1, .head_dim = 4, .d_ff = 12, .norm_eps = 1e-5, .rope_theta = 10000 };

static void
put (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* A tiny Llama's files. */
static void
prepare_model (const char *folder)
{
  static const char *const names[] = { "config.json", "model.safetensors" };
  TinyModel *tiny = tiny_model_new (&shape, 1);

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *from = g_build_filename (tiny->folder, names[i], NULL);
      g_autofree char *to = g_build_filename (folder, names[i], NULL);
      g_autofree char *content = NULL;
      size_t size;

      g_assert_true (g_file_get_contents (from, &content, &size, NULL));
      g_assert_true (g_file_set_contents (to, content, (gssize) size, NULL));
    }
  put (folder, "generation_config.json", "{\"eos_token_id\": [2, 3], \"temperature\": 0.5}");
  tiny_model_free (tiny);
}

/* The same in two shards. */
static void
prepare_shards (const char *folder)
{
  static const char index[] = "{\"metadata\": {\"total_size\": 8}, \"weight_map\": {\"a\": \"one.safetensors\", "
                              "\"b\": \"two.safetensors\"}}";
  const float number = 1;
  CsTensor tensor = { .name = "a", .dtype = CS_DTYPE_F32, .n_elements = 1, .n_bytes = sizeof number, .data = &number };
  g_autofree char *one = g_build_filename (folder, "one.safetensors", NULL);
  g_autofree char *two = g_build_filename (folder, "two.safetensors", NULL);

  g_assert_true (cs_safetensors_write (one, &tensor, 1, NULL, NULL));
  tensor.name = "b";
  g_assert_true (cs_safetensors_write (two, &tensor, 1, NULL, NULL));
  put (folder, "model.safetensors.index.json", index);
}

static void
prepare_tokenizer (const char *folder)
{
  json_t *tokenizer = tiny_tokenizer_json ();
  char *text = json_dumps (tokenizer, JSON_COMPACT);

  put (folder, "tokenizer.json", text);
  put (folder, "tokenizer_config.json",
       "{\"bos_token\": \"<bos>\", \"eos_token\": {\"content\": \"<eos>\"}, \"add_bos_token\": true, \"chat_template\": "
       "\"{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m['role'] }}\\n{{ m['content'] | trim }}<end_of_turn>\\n"
       "{% endfor %}\"}");
  put (folder, "special_tokens_map.json", "{\"bos_token\": \"<bos>\", \"eos_token\": {\"content\": \"<eos>\"}}");
  free (text);
  json_decref (tokenizer);
}

/* Three latents of width 1: base-only, shared, chat-only. */
static void
prepare_run (const char *folder)
{
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_new (1, 3, CS_VARIANT_L1, NULL);
  const float decoder[] = { 1, 0, 1, 1, 0, 1 };

  memcpy (cc->decoder, decoder, sizeof decoder);
  g_assert_true (cs_crosscoder_save (cc, folder, NULL));
}

/* --- Opening, and use of what could be opened --- */

static bool
open_model (const char *folder, GError **error)
{
  const int32_t ids[] = { 1, 5, 31 };
  g_autoptr (CsModel) model = cs_model_open (folder, error);
  g_autoptr (CsSession) session = NULL;
  g_autofree float *logits = NULL;

  if (model == NULL)
    return false;
  session = cs_session_new (model, NULL, G_N_ELEMENTS (ids));
  logits = g_new (float, cs_model_config (model)->vocab_size);
  return cs_session_forward (session, ids, G_N_ELEMENTS (ids), cs_model_config (model)->n_layers, CS_LOGITS_LAST, logits,
                             error);
}

static bool
open_shards (const char *folder, GError **error)
{
  g_autoptr (CsSafetensors) file = cs_safetensors_open_model (folder, error);
  g_autofree char *hash = file != NULL ? cs_safetensors_hash (file) : NULL;

  return file != NULL;
}

static bool
open_tokenizer (const char *folder, GError **error)
{
  static const char text[] = "The  thing's 123\n\n\tn\xC3\xA9 <bos> in<eos>ing \xF0\x9F\x98\x80";
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (folder, error);
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autofree char *back = NULL;

  if (tokenizer == NULL)
    return false;
  cs_tokenizer_encode (tokenizer, text, sizeof text - 1, true, ids, NULL);
  back = cs_tokenizer_decode (tokenizer, (const int32_t *) (const void *) ids->data, ids->len, false);
  return g_utf8_validate (back, -1, NULL);
}

static bool
open_chat (const char *folder, GError **error)
{
  char user[] = "user", hello[] = "Hello";
  const CsMessage message = { user, hello };
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (folder, error);
  g_autoptr (CsChatTemplate) chat = tokenizer != NULL ? cs_chat_template_open (folder, error) : NULL;
  g_autoptr (GError) reason = NULL; /* in the template's words */
  g_autoptr (CsRendering) rendering = chat != NULL ? cs_chat_render (chat, tokenizer, &message, 1, true, &reason) : NULL;

  g_assert_true (chat == NULL || (rendering == NULL) == (reason != NULL));
  return chat != NULL;
}

static bool
open_crosscoder (const char *folder, GError **error)
{
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_load (folder, error);

  return cc != NULL;
}

/* The folder as one of others, into a run beside it. */
static bool
import_from (const char *path, GError **error)
{
  g_autofree char *run = g_build_filename (fuzz_folder_get (), "imported", NULL);
  bool good = cs_crosscoder_import (path, run, &CS_IMPORT_DEFAULT, NULL, error);

  fuzz_remove_tree (run);
  return good;
}

static bool
open_torch (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "model.pt", NULL);
  g_autoptr (GError) reason = NULL;
  g_autoptr (CsTorchFile) file = cs_torch_open (path, error);

  if (file == NULL)
    return false;
  if (!import_from (path, &reason)) /* tensors, but of no crosscoder */
    g_assert_null (sentence_problem (reason));
  return true;
}

static bool
open_table (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "feature_df.csv", NULL);

  return cs_latents_attach_table (folder, path, NULL, error);
}

/* --- The test --- */

/* Whether another sentence begins in it, outside of what it quotes. */
static bool
has_second_sentence (const char *text)
{
  unsigned quoted = 0;

  for (const char *p = text; *p != '\0'; p++)
    {
      if (g_str_has_prefix (p, "“"))
        quoted++;
      else if (g_str_has_prefix (p, "”") && quoted > 0)
        quoted--;
      else if (quoted == 0 && p[0] == '.' && p[1] == ' ' && g_ascii_isupper (p[2]))
        return true;
    }
  return false;
}

static void
write_file (const char *path, const GByteArray *bytes)
{
  FILE *file = g_fopen (path, "wb"); /* not replaced atomically: that would sync every file */

  g_assert_nonnull (file);
  g_assert_cmpuint (fwrite (bytes->data, 1, bytes->len, file), ==, bytes->len);
  g_assert_cmpint (fclose (file), ==, 0);
}

/* The good files that are changed: those kept for the fuzz target, and the folder's own. */
static GPtrArray *
good_files (const Case *c, const char *path)
{
  g_autofree char *folder = g_build_filename (g_getenv ("CS_TEST_DATA"), "fuzz", "seeds", c->seeds, NULL);
  GPtrArray *files = c->seeds != NULL ? fuzz_load_seeds (folder)
                                      : g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  char *content;
  size_t size;

  if (g_file_get_contents (path, &content, &size, NULL))
    g_ptr_array_add (files, g_byte_array_new_take ((guint8 *) content, size));
  g_assert_cmpuint (files->len, >, c->seeds != NULL ? 1 : 0);
  return files;
}

static void
try_one (const Case *c, const char *folder, const char *path, GPtrArray *files, unsigned number, unsigned *n_refused)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  const GByteArray *good;
  const char *problem;
  CsRandom r;

  cs_random_init (&r, number, 0);
  good = g_ptr_array_index (files, cs_random_below (&r, files->len));
  g_byte_array_append (bytes, good->data, good->len);
  for (size_t n = 1 + cs_random_below (&r, MAX_CHANGES); n > 0; n--)
    change (&r, c->kind, bytes);
  write_file (path, bytes);
  if (c->open (folder, &error))
    return;
  (*n_refused)++;
  problem = sentence_problem (error);
  if (problem == NULL && has_second_sentence (error->message))
    problem = "it is more than one sentence";
  if (problem != NULL)
    g_error ("%s %u: %s: %s", c->path, number, problem, error != NULL ? error->message : "");
}

static void
test_case (const void *data)
{
  const Case *c = data;
  g_autofree char *folder = g_build_filename (fuzz_folder_get (), "case", NULL);
  g_autofree char *path = g_build_filename (folder, c->file, NULL);
  g_autoptr (GPtrArray) files = NULL;
  unsigned n_refused = 0;

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  if (c->prepare != NULL)
    c->prepare (folder);
  files = good_files (c, path);
  for (unsigned i = 0; i < c->n; i++)
    try_one (c, folder, path, files, i, &n_refused);
  fuzz_remove_tree (folder);
  g_test_message ("%u of %u refused", n_refused, c->n);
  g_assert_cmpuint (n_refused, >, c->n / 10);
}

/* What a file says is shown in one line of bounded length. */
static void
test_quote (void)
{
  g_autofree char *lines = cs_file_quote ("a\nb\tc\x01\xE2\x80\xAE" "d");
  g_autofree char *broken = cs_file_quote ("caf\xC3");
  g_autofree char *many = g_strnfill (100000, 'x');
  g_autofree char *cut = NULL;
  g_autoptr (GError) error = NULL;

  many[0] = 'A';
  many[99999] = 'Z';
  cut = cs_file_quote (many);
  g_assert_cmpstr (lines, ==, "a b c  d");
  g_assert_cmpstr (broken, ==, "caf\xEF\xBF\xBD");
  g_assert_cmpuint (strlen (cut), <=, 1200);
  g_assert_true (cut[0] == 'A' && strstr (cut, " … ") != NULL && g_str_has_suffix (cut, "xZ"));
  cs_file_error (&error, CS_ERROR_FORMAT, "“%s” is no model that can be read", many);
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_assert_null (sentence_problem (error));
}

static const Case cases[] = {
  { "/mutated/config", "config.json", "model-config", JSON, 3000, prepare_model, open_model },
  { "/mutated/own-config", "config.json", NULL, JSON, 3000, prepare_model, open_model },
  { "/mutated/generation-config", "generation_config.json", NULL, JSON, 1000, prepare_model, open_model },
  { "/mutated/index", "model.safetensors.index.json", "model-index", JSON, 2000, prepare_shards, open_shards },
  { "/mutated/crosscoder-config", "config.json", "run", JSON, 2000, prepare_run, import_from },
  { "/mutated/tokenizer", "tokenizer.json", "tokenizer", JSON, 4000, prepare_tokenizer, open_tokenizer },
  { "/mutated/tokenizer-config", "tokenizer_config.json", NULL, JSON, 2000, prepare_tokenizer, open_chat },
  { "/mutated/special-tokens", "special_tokens_map.json", NULL, JSON, 1000, prepare_tokenizer, open_tokenizer },
  { "/mutated/safetensors", "model.safetensors", NULL, SAFETENSORS, 3000, prepare_model, open_model },
  { "/mutated/shards", "one.safetensors", "safetensors", SAFETENSORS, 2000, prepare_shards, open_shards },
  { "/mutated/crosscoder", "model.safetensors", "crosscoder", SAFETENSORS, 3000, prepare_run, open_crosscoder },
  { "/mutated/torch", "model.pt", "torch", BYTES, 4000, NULL, open_torch },
  { "/mutated/table", "feature_df.csv", "feature-table", BYTES, 200, prepare_run, open_table },
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mutated/quote", test_quote);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    g_test_add_data_func (cases[i].path, &cases[i], test_case);
  return g_test_run ();
}
