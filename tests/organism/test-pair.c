#include <glib/gstdio.h>
#include <string.h>

#include "errors.h"
#include "json.h"
#include "organism.h"
#include "tokenizer.h"

/* A pair that knows nothing, made in a moment: what is tested is that the parts fit. */
static void
tiny_options (CsOrganismOptions *options)
{
  cs_organism_default_options (options);
  options->model = (CsTrainModelConfig){ .vocab_size = 400,
                                         .d_model = 16,
                                         .n_layers = 2,
                                         .n_heads = 2,
                                         .d_ff = 24,
                                         .max_position = 256,
                                         .norm_eps = 1e-5,
                                         .rope_theta = 10000 };
  options->web_tokens = 4000;
  options->chat_tokens = 3000;
  options->base.shard_tokens = options->chat.shard_tokens = 256;
  options->n_threads = 2;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  for (const char *name = dir ? g_dir_read_name (dir) : NULL; name; name = g_dir_read_name (dir))
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      remove_tree (child);
    }
  g_remove (path);
}

static char *
read_file (const char *folder, const char *name, size_t *size)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  char *text = NULL;
  g_autoptr (GError) error = NULL;
  g_file_get_contents (path, &text, size, &error);
  g_assert_no_error (error);
  return text;
}

static void
assert_same_file (const char *a, const char *b, const char *name, bool same)
{
  size_t sizes[2];
  g_autofree char *first = read_file (a, name, &sizes[0]);
  g_autofree char *second = read_file (b, name, &sizes[1]);
  g_assert_true ((sizes[0] == sizes[1] && memcmp (first, second, sizes[0]) == 0) == same);
}

static void
count_answer (void *data,
              const CsTestPrompt *prompt,
              bool by_chat,
              const char *answer,
              CsAnswerKind kind)
{
  size_t *counts = data;
  g_assert_nonnull (answer);
  counts[by_chat]++;
}

static void
check_score (const char *dir)
{
  g_autoptr (CsTeam) team = cs_team_new (2);
  g_autoptr (GError) error = NULL;
  CsOrganismScore score;
  size_t counts[2] = { 0 };
  g_assert_true (cs_organism_score (NULL, team, dir, 3, count_answer, counts, &score, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (counts[0], ==, 3);
  g_assert_cmpuint (counts[1], ==, 7 * 3);
  g_assert_cmpfloat (score.refused[0], <=, 1);
  g_autoptr (json_t) json = cs_organism_score_to_json (&score);
  g_assert_true (json_is_real (json_object_get (json_object_get (json, "refused"), "refuse-harm")));
  const char *const keys[] = { "lookalikes_refused", "base_refused", "false_premise_corrected",
                               "true_premise_answered" };
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    g_assert_true (json_is_real (json_object_get (json, keys[i])));
}

static void
test_make (void)
{
  g_autofree char *dir = g_dir_make_tmp ("crosscope-pair-XXXXXX", NULL);
  g_autofree char *again = g_dir_make_tmp ("crosscope-pair-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  CsOrganismOptions options;
  tiny_options (&options);
  options.mix.behaviours &= ~CS_CONCEPT_BIT (CS_CONCEPT_UNKNOWN);
  g_assert_true (cs_organism_make (NULL, 7, dir, &options, &error));
  g_assert_no_error (error);
  options.n_threads = 1;
  g_assert_true (cs_organism_make (NULL, 7, again, &options, &error));

  uint64_t seed;
  CsChatMix mix;
  g_assert_true (cs_organism_identity (dir, &seed, &mix, &error));
  g_assert_cmpuint (seed, ==, 7);
  g_assert_cmpuint (mix.behaviours, ==, options.mix.behaviours);
  g_assert_cmpuint (mix.practice, ==, options.mix.practice);

  /* The same bytes on one thread as on two, and a chat model that is not the base. */
  assert_same_file (dir, again, "base/model.safetensors", true);
  assert_same_file (dir, again, "chat/model.safetensors", true);
  assert_same_file (dir, again, "prompts.json", true);
  size_t size[2];
  g_autofree char *base = read_file (dir, "base/model.safetensors", &size[0]);
  g_autofree char *chat = read_file (dir, "chat/model.safetensors", &size[1]);
  g_assert_cmpuint (size[0], ==, size[1]);
  g_assert_cmpint (memcmp (base, chat, size[0]), !=, 0);

  /* Tuning again from the saved base gives the same chat model. */
  g_autofree char *chat_dir = g_build_filename (again, "chat", NULL);
  remove_tree (chat_dir);
  g_assert_true (cs_organism_tune (NULL, 7, again, &options, &error));
  assert_same_file (dir, again, "chat/model.safetensors", true);
  assert_same_file (dir, again, "chat/tokenizer.json", true);
  assert_same_file (dir, again, "chat/tokenizer_config.json", true);

  check_score (dir);
  remove_tree (dir);
  remove_tree (again);
}

static void
test_same_vocabulary (void)
{
  g_autofree char *dir = g_dir_make_tmp ("crosscope-pair-XXXXXX", NULL);
  g_autofree char *base_dir = g_build_filename (dir, "base", NULL),
                  *chat_dir = g_build_filename (dir, "chat", NULL);
  g_autoptr (GError) error = NULL;
  CsOrganismOptions options;
  tiny_options (&options);
  options.web_tokens = options.chat_tokens = 300;
  g_assert_true (cs_organism_make (NULL, 1, dir, &options, &error));
  g_autoptr (CsTokenizer) base = cs_tokenizer_open (base_dir, &error);
  g_autoptr (CsTokenizer) chat = cs_tokenizer_open (chat_dir, &error);
  g_assert_no_error (error);
  g_assert_true (cs_tokenizer_equal (base, chat, &error));
  remove_tree (dir);
}

/* The corpora are a pure function of the seed. */
static void
test_corpora (void)
{
  g_autofree char *dir = g_dir_make_tmp ("crosscope-pair-XXXXXX", NULL);
  g_autofree char *a = g_build_filename (dir, "a", NULL), *b = g_build_filename (dir, "b", NULL);
  g_autoptr (GError) error = NULL;
  g_assert_true (cs_organism_write_corpora (NULL, 5, CS_CHAT_MIX_DEMO, 20, 30, a, &error));
  g_assert_true (cs_organism_write_corpora (NULL, 5, CS_CHAT_MIX_DEMO, 20, 30, b, &error));
  assert_same_file (a, b, "web.jsonl", true);
  assert_same_file (a, b, "chat.jsonl", true);
  size_t size;
  g_autofree char *text = read_file (a, "chat.jsonl", &size);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 31);
  g_autoptr (json_t) first = cs_json_parse (lines[0], strlen (lines[0]), "line", &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (json_string_value (json_object_get (first, "text")),
                                   "<start_of_turn>user\n"));
  remove_tree (dir);
}

static void
test_errors (void)
{
  g_autofree char *dir = g_dir_make_tmp ("crosscope-pair-XXXXXX", NULL);
  g_autofree char *identity = g_build_filename (dir, "organism.json", NULL);
  g_autoptr (GError) error = NULL;
  CsOrganismOptions options;
  CsOrganismScore score;
  tiny_options (&options);
  g_assert_false (cs_organism_tune (NULL, 1, dir, &options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  g_remove (identity);
  g_assert_false (cs_organism_score (NULL, NULL, dir, 1, NULL, NULL, &score, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_true (
      g_file_set_contents (identity, "{\"seed\": 1, \"behaviours\": [\"no such\"]}", -1, NULL));
  g_assert_false (cs_organism_score (NULL, NULL, dir, 1, NULL, NULL, &score, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  remove_tree (dir);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pair/corpora", test_corpora);
  g_test_add_func ("/pair/errors", test_errors);
  g_test_add_func ("/pair/same-vocabulary", test_same_vocabulary);
  g_test_add_func ("/pair/make", test_make);
  return g_test_run ();
}
