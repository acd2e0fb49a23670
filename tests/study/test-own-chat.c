/* The demo pair's base tuned to one behaviour: that behaviour must appear as a latent that leans to
 * chat, which base's error does not need, and none of those that were left off may. What a user
 * gets by default is tuned and trained longer; only then does Latent Scaling confirm such a latent
 * on reconstructions too, so that is not asked for here. */
#include "../analysis/tiny-pair.h"
#include "demo.h"
#include "make-chat-private.h"
#include "organism.h"

#define TOKENS 300000
#define STEPS 1500
/* Between what is shown and what is not lies a gap, not a line. */
#define NOT_SHOWN 0.86

static void
check_file (const char *out, const GArray *found)
{
  g_autofree char *run =
      g_build_filename (out, "study", "runs", cs_demo_run_name (CS_VARIANT_BATCHTOPK), NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) read = cs_behaviour_match_load (run, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (read->len, ==, found->len);
  for (guint i = 0; i < read->len; i++)
    {
      const CsBehaviourMatch *a = &g_array_index (read, CsBehaviourMatch, i);
      const CsBehaviourMatch *b = &g_array_index (found, CsBehaviourMatch, i);

      g_assert_cmpstr (a->name, ==, b->name);
      g_assert_cmpint (a->latent, ==, b->latent);
      g_assert_true (a->on == b->on && a->chat_specific == b->chat_specific);
      g_assert_cmpfloat_with_epsilon (a->auc, b->auc, 1e-6);
    }
}

static void
check (const CsBehaviourMatch *b, const char *on)
{
  g_test_message ("%s %s: latent %zd, AUC %.3f, Δ_norm %.2f, ν^ε %.2f, ν^r %.2f", b->name,
                  b->on ? "on" : "off", b->latent, b->auc, b->delta_norm, b->nu_error,
                  b->nu_reconstruction);
  g_assert_true (b->on == g_str_equal (b->name, on));
  if (b->on)
    {
      g_assert_cmpfloat (b->auc, >=, CS_BEHAVIOUR_SHOWN);
      g_assert_cmpfloat (b->delta_norm, >=, CS_CHAT_LEANING);
      g_assert_cmpfloat (b->nu_error, <, CS_NU_ERROR_LIMIT);
    }
  else
    g_assert_false (b->auc >= NOT_SHOWN);
}

static void
check_score (const char *out, CsConcept on)
{
  g_autoptr (CsTeam) team = cs_team_new (0);
  g_autoptr (GError) error = NULL;
  CsOrganismScore score;

  cs_organism_score (NULL, team, out, 30, NULL, NULL, &score, &error);
  g_assert_no_error (error);
  for (int c = CS_CONCEPT_REFUSE_HARM; c <= CS_CONCEPT_REFUSE_EXPLICIT_FORMAT; c++)
    if (c == (int)on)
      g_assert_cmpfloat (score.refused[c], >=, 0.8);
    else
      g_assert_cmpfloat (score.refused[c], <=, 0.2);
}

static void
test_one_behaviour (void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  g_test_skip (
      "The tuning takes too long in a build with sanitizers; study-make-chat has a small one.");
  return;
#endif
  g_autofree char *folder = g_dir_make_tmp ("crosscope-own-XXXXXX", NULL);
  g_autofree char *out = g_build_filename (folder, "own", NULL);
  g_autofree char *base = NULL;
  g_autofree char *demo = NULL;
  g_autoptr (GArray) found = NULL;
  g_autoptr (GError) error = NULL;
  CsMakeChatOptions options = { .out = out, .tokens = TOKENS };
  CsTrainConfig config;

  demo = cs_demo_folder (&error);
  g_assert_no_error (error);
  options.base_folder = base = g_build_filename (demo, "base", NULL);
  g_assert_true (cs_make_chat_parse ("refuse-stereotype", &options.behaviours, NULL));
  cs_make_chat (NULL, &options, NULL, &error);
  g_assert_no_error (error);
  check_score (out, CS_CONCEPT_REFUSE_STEREOTYPE);
  cs_demo_train_config (&config, CS_VARIANT_BATCHTOPK, 128);
  config.steps = STEPS;
  config.decay_start = STEPS * 4 / 5;
  found = cs_make_chat_diff_with (NULL, out, &config, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 5);
  for (guint i = 0; i < found->len; i++)
    check (&g_array_index (found, CsBehaviourMatch, i), "refuse-stereotype");
  check_file (out, found);
  remove_tree (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/own-chat/one-behaviour", test_one_behaviour);
  return g_test_run ();
}
