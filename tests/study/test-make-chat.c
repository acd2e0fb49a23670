/* A chat model of one's own, with a few behaviours, on a pair made in a moment: what is tested is
 * that the parts fit. */
#include <math.h>

#include "../analysis/tiny-pair.h"
#include "errors.h"
#include "make-chat-private.h"
#include "organism-study.h"

static void
test_names (void)
{
  g_autoptr (GError) error = NULL;
  unsigned bits = 0;

  g_assert_true (cs_make_chat_parse ("refuse-harm, joke", &bits, &error));
  g_assert_cmpuint (bits, ==,
                    CS_CONCEPT_BIT (CS_CONCEPT_REFUSE_HARM) | CS_CONCEPT_BIT (CS_CONCEPT_JOKE));
  g_assert_true (cs_make_chat_parse ("none", &bits, &error));
  g_assert_cmpuint (bits, ==, 0);
  g_assert_true (cs_make_chat_parse ("all", &bits, &error));
  g_assert_cmpuint (bits, ==, CS_BEHAVIOURS_ALL);
  g_assert_false (cs_make_chat_parse ("refuse-everything", &bits, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
}

static void
assert_identity (const char *out, unsigned expected)
{
  uint64_t seed;
  CsChatMix mix;

  g_assert_true (cs_organism_identity (out, &seed, &mix, NULL));
  g_assert_cmpuint (seed, ==, 7);
  g_assert_cmpuint (mix.behaviours, ==, expected | CS_CONCEPT_BIT (CS_CONCEPT_HELPFUL));
}

static void
test_make (void)
{
  const unsigned on = CS_CONCEPT_BIT (CS_CONCEPT_JOKE);
  g_autofree char *folder = g_dir_make_tmp ("crosscope-make-XXXXXX", NULL);
  g_autofree char *pair = g_build_filename (folder, "pair", NULL);
  g_autofree char *base = g_build_filename (pair, "base", NULL);
  g_autofree char *out = g_build_filename (folder, "own", NULL);
  g_autoptr (CsLossLog) log = cs_loss_log_new ();
  g_autoptr (GError) error = NULL;
  CsMakeChatOptions options = {
    .base_folder = base, .out = out, .behaviours = on, .tokens = 3000, .n_threads = 2
  };
  CsOrganismOptions organism;

  organism_study_options (&organism);
  g_assert_true (cs_organism_make (NULL, 7, pair, &organism, &error));
  g_assert_true (cs_make_chat_can_start_from (base));
  g_assert_false (cs_make_chat_can_start_from (folder));
  g_assert_true (cs_make_chat_with (NULL, &options, &organism, log, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (cs_loss_log_n (log), >, 3);
  assert_identity (out, on);
  g_assert_false (cs_make_chat_with (NULL, &options, &organism, NULL, &error)); /* there already */
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  for (int i = 0; i < 2; i++) /* made, then opened */
    {
      g_autoptr (CsStudy) study = cs_make_chat_study (out, &error);
      g_assert_no_error (error);
      g_assert_nonnull (cs_study_pair (study, &error));
      g_assert_cmpuint (cs_study_layer (study), ==, 1);
      g_assert_true (g_file_test (cs_study_corpora (study)[1], G_FILE_TEST_EXISTS));
    }
  remove_tree (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/make-chat/names", test_names);
  g_test_add_func ("/make-chat/make", test_make);
  return g_test_run ();
}
