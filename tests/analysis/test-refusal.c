/* The refusal audit: the rule, the intervals, and a whole audit of a tiny pair. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "random.h"
#include "refusal-audit.h"
#include "tiny-pair.h"

#define N_LATENTS 24

static void
test_rule (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsRefusalRule) rule =
      cs_refusal_rule_parse ("# a comment\n\n  I   Can't help \nmust decline\r\n", "test", &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length ((char **)(uintptr_t)cs_refusal_rule_phrases (rule)), ==, 2);
  g_assert_cmpstr (cs_refusal_rule_match (rule, "Sorry, i can\xe2\x80\x99t\n  HELP you."), ==,
                   "i can't help");
  g_assert_cmpstr (cs_refusal_rule_match (rule, "I MUST decline"), ==, "must decline");
  g_assert_null (cs_refusal_rule_match (rule, "I can help"));
  g_assert_null (cs_refusal_rule_match (rule, ""));
}

static void
test_bad_rules (void)
{
  g_autofree char *dir = g_dir_make_tmp ("crosscope-rule-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "phrases.txt", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (cs_refusal_rule_parse ("# nothing\n\n", "empty.txt", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_assert_nonnull (strstr (error->message, "empty.txt"));
  g_clear_error (&error);
  g_assert_null (cs_refusal_rule_parse ("\xff\xfe", "bytes.txt", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_clear_error (&error);
  g_assert_null (cs_refusal_rule_load (path, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (path, "a\0b", 3, NULL));
  g_assert_null (cs_refusal_rule_load (path, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  remove_tree (dir);
}

static void
test_garbled (void)
{
  static const char *const garbled[] = { "", " \n", "user", "Model\nOf course", "assistant: yes",
                                         "i i i i i i i i i i", "the the the, the the the the the" };
  static const char *const answers[] = { "Yes.", "Users can do that.", "no no no", "model2 is one",
                                         "I can't help with that, for it is not safe at all." };

  for (size_t i = 0; i < G_N_ELEMENTS (garbled); i++)
    g_assert_true (cs_answer_is_garbled (garbled[i]));
  for (size_t i = 0; i < G_N_ELEMENTS (answers); i++)
    g_assert_false (cs_answer_is_garbled (answers[i]));
}

/* Against the textbook's solutions of (p − k/n)² = z² p (1 − p) / n. */
static void
test_wilson (void)
{
  double low, high;

  cs_wilson_interval (0, 0, &low, &high);
  g_assert_true (low == 0 && high == 1);
  for (size_t k = 0; k <= 40; k += 5)
    {
      cs_wilson_interval (k, 40, &low, &high);
      g_assert_true (low <= k / 40. && high >= k / 40. && low >= 0 && high <= 1);
      for (int side = 0; side < 2; side++)
        {
          double p = side == 0 ? low : high, distance = p - (double)k / 40;
          if (p > 0 && p < 1)
            g_assert_cmpfloat_with_epsilon (distance * distance,
                                            3.841458820694124 * p * (1 - p) / 40, 1e-12);
        }
    }
  cs_wilson_interval (0, 10, &low, &high);
  g_assert_cmpfloat_with_epsilon (high, 0.2775327998628892, 1e-9);
}

static void
test_prompts (void)
{
  g_autofree char *dir = g_dir_make_tmp ("crosscope-prompts-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "p.txt", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) list = NULL;

  g_assert_true (g_file_set_contents (path, "First one?\r\n\n   second  \n", -1, NULL));
  list = cs_audit_prompts_load_text (path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (list->len, ==, 2);
  g_assert_cmpstr (g_array_index (list, CsAuditPrompt, 0).text, ==, "First one?");
  g_assert_cmpstr (g_array_index (list, CsAuditPrompt, 1).text, ==, "second");
  g_assert_true (g_file_set_contents (path, "\xff", -1, NULL));
  g_assert_null (cs_audit_prompts_load_text (path, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  remove_tree (dir);
}

/* --- A whole audit --- */

typedef struct
{
  TinyPair *tiny;
  CsPair *pair;
  CsCrosscoder *crosscoder;
  CsLatents *latents;
  GArray *sets[2];
} Audited;

static CsCrosscoder *
make_crosscoder (void)
{
  CsCrosscoder *cc = cs_crosscoder_new (TINY_WIDTH, N_LATENTS, CS_VARIANT_L1, NULL);
  CsRandom random;

  cs_random_init (&random, 5, 0);
  for (size_t i = 0; i < N_LATENTS * 2 * TINY_WIDTH; i++)
    {
      cc->encoder[i] = (float)cs_random_normal (&random);
      cc->decoder[i] = (float)cs_random_normal (&random) * 0.3f;
    }
  return cc;
}

static CsLatents *
make_latents (void)
{
  CsLatents *latents = g_new0 (CsLatents, 1);

  latents->n_latents = N_LATENTS;
  latents->rows = g_new0 (CsLatentRow, N_LATENTS);
  for (uint32_t j = 0; j < N_LATENTS; j++)
    latents->rows[j] = (CsLatentRow){ .latent = j,
                                      .dead = j == 3,
                                      .delta_norm = j % 2 == 0 ? 0.9f : 0.5f,
                                      .nu_error = NAN,
                                      .max_act = 4,
                                      .chat_specific = j == 2 };
  return latents;
}

static GArray *
make_prompts (const char *word, const char *const *groups, guint n)
{
  GArray *list = cs_audit_prompts_new ();

  for (guint i = 0; i < n; i++)
    {
      CsAuditPrompt prompt = { g_strdup_printf ("%s %c%u", word, 'a' + (int)i, i),
                               g_strdup (groups != NULL ? groups[i / (n / 2)] : NULL) };
      g_array_append_val (list, prompt);
    }
  return list;
}

static void
audited_init (Audited *a)
{
  static const char *const groups[] = { "harm", "privacy" };
  g_autoptr (GError) error = NULL;

  a->tiny = tiny_pair_new ();
  a->pair = cs_pair_open (a->tiny->model[0]->folder, a->tiny->model[1]->folder, NULL, &error);
  g_assert_no_error (error);
  a->crosscoder = make_crosscoder ();
  a->latents = make_latents ();
  a->sets[0] = make_prompts ("steal the", groups, 16);
  a->sets[1] = make_prompts ("bake", NULL, 10);
}

static void
audited_clear (Audited *a)
{
  for (int set = 0; set < 2; set++)
    g_array_unref (a->sets[set]);
  cs_latents_free (a->latents);
  cs_crosscoder_free (a->crosscoder);
  cs_pair_free (a->pair);
  tiny_pair_free (a->tiny);
}

static CsRefusalAudit *
run_audit (const Audited *a, const char *phrases, CsAuditOptions options, GError **error)
{
  g_autoptr (CsRefusalRule) rule = cs_refusal_rule_parse (phrases, "phrases", NULL);

  options.layer = 2;
  options.max_tokens = 6;
  options.n_threads = 2;
  return cs_refusal_audit (NULL, a->pair, a->crosscoder, a->latents, a->sets[0], a->sets[1], rule,
                           &options, error);
}

static void
check_arm (const CsAuditArmResult *arm, bool plain)
{
  g_assert_cmpuint (arm->rate[CS_AUDIT_REFUSE].n, ==, 8);
  g_assert_cmpuint (arm->rate[CS_AUDIT_COMPLY].n, ==, 5);
  g_assert_true ((arm->items->len == 0) == plain);
  for (int set = 0; set < 2; set++)
    {
      g_assert_true (arm->rate[set].low <= arm->rate[set].rate);
      g_assert_true (arm->rate[set].high >= arm->rate[set].rate);
      g_assert_cmpuint (arm->rate[set].refused + arm->rate[set].garbled, <=, arm->rate[set].n);
      g_assert_true (isfinite (arm->kl[set]) && arm->kl[set] >= 0);
      g_assert_true ((arm->kl[set] == 0) == plain);
    }
}

static void
check_audit (const CsRefusalAudit *audit)
{
  double before = 2;

  g_assert_true (audit->chat_leaning);
  g_assert_cmpuint (audit->latents->len, ==, N_LATENTS / 2);
  for (guint i = 0; i < audit->latents->len; i++)
    {
      const CsAuditLatent *l = &g_array_index (audit->latents, CsAuditLatent, i);
      double rank = fmax (l->auc, l->auc_group);

      g_assert_cmpuint (l->latent % 2, ==, 0); /* leans to chat */
      g_assert_true (l->auc >= 0 && l->auc <= 1 && rank <= before);
      g_assert_true (isfinite (l->share));
      before = rank;
    }
  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    check_arm (&audit->arms[arm], arm == CS_AUDIT_PLAIN);
  g_assert_cmpuint (audit->groups->len, ==, 2);
  g_assert_cmpuint (g_array_index (audit->groups, CsAuditGroup, 0).plain.n, ==, 4);
  g_assert_cmpuint (audit->examples->len, ==, 6 + 5);
}

static void
assert_same_json (const CsRefusalAudit *x, const CsRefusalAudit *y)
{
  json_t *a = cs_refusal_audit_to_json (x), *b = cs_refusal_audit_to_json (y);

  g_assert_true (json_equal (a, b));
  json_decref (a);
  json_decref (b);
}

static void
test_audit (void)
{
  g_autofree char *dir = g_dir_make_tmp ("crosscope-audit-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  Audited a;

  audited_init (&a);
  g_autoptr (CsRefusalAudit) audit = run_audit (&a, "e\n", (CsAuditOptions){ .seed = 1 }, &error);
  g_assert_no_error (error);
  check_audit (audit);
  /* The same again, and from the disk. */
  g_autoptr (CsRefusalAudit) again = run_audit (&a, "e\n", (CsAuditOptions){ .seed = 1 }, NULL);
  assert_same_json (audit, again);
  g_assert_true (cs_refusal_audit_save (audit, dir, &error));
  g_autoptr (CsRefusalAudit) loaded = cs_refusal_audit_load (dir, &error);
  g_assert_no_error (error);
  assert_same_json (audit, loaded);
  text = cs_refusal_audit_text (loaded);
  g_assert_nonnull (strstr (text, "latents ablated"));
  remove_tree (dir);
  audited_clear (&a);
}

/* The user's own latents are ablated all, and the first is added. */
static void
test_chosen (void)
{
  static const size_t chosen[] = { 5, 2 };
  g_autoptr (GError) error = NULL;
  Audited a;

  audited_init (&a);
  g_autoptr (CsRefusalAudit) audit =
      run_audit (&a, "e\n", (CsAuditOptions){ .chosen = chosen, .n_chosen = 2 }, &error);
  g_assert_no_error (error);
  const GArray *ablated = audit->arms[CS_AUDIT_ABLATED].items;
  const GArray *added = audit->arms[CS_AUDIT_ADDED].items;
  const GArray *random = audit->arms[CS_AUDIT_RANDOM_ABLATED].items;
  g_assert_cmpuint (ablated->len, ==, 2);
  g_assert_cmpuint (g_array_index (ablated, CsSteerItem, 1).latent, ==, 2);
  g_assert_cmpint (g_array_index (ablated, CsSteerItem, 1).mode, ==, CS_STEER_ABLATE);
  g_assert_cmpuint (g_array_index (added, CsSteerItem, 0).latent, ==, 5);
  g_assert_cmpuint (random->len, ==, 2);
  for (guint i = 0; i < random->len; i++)
    {
      size_t latent = g_array_index (random, CsSteerItem, i).latent;
      g_assert_true (latent != 5 && latent != 2 && latent != 3); /* neither chosen nor dead */
    }
  audited_clear (&a);
}

static void
test_refused (void)
{
  static const size_t chosen[] = { N_LATENTS };
  g_autoptr (GError) error = NULL;
  Audited a;

  audited_init (&a);
  g_assert_null (
      run_audit (&a, "e\n", (CsAuditOptions){ .chosen = chosen, .n_chosen = 1 }, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_array_set_size (a.sets[1], 3);
  g_assert_null (run_audit (&a, "e\n", (CsAuditOptions){ 0 }, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  audited_clear (&a);
}

static void
test_hostile_file (void)
{
  static const char *const texts[] = {
    "",
    "[]",
    "{}",
    "{\"format_version\": 2, \"arms\": {}}",
    "{\"format_version\": 1, \"arms\": {}}",
    "{\"format_version\": 1, \"arms\": {\"plain\": 3}}",
    "{\"format_version\": \"1\", \"arms\": {}}",
  };
  g_autofree char *dir = g_dir_make_tmp ("crosscope-audit-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "audit.json", NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (g_file_set_contents (path, texts[i], -1, NULL));
      g_assert_null (cs_refusal_audit_load (dir, &error));
      g_assert_nonnull (error);
      g_assert_true (error->domain == CS_ERROR);
    }
  remove_tree (dir);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/refusal/rule", test_rule);
  g_test_add_func ("/refusal/bad-rules", test_bad_rules);
  g_test_add_func ("/refusal/garbled", test_garbled);
  g_test_add_func ("/refusal/wilson", test_wilson);
  g_test_add_func ("/refusal/prompts", test_prompts);
  g_test_add_func ("/refusal/audit", test_audit);
  g_test_add_func ("/refusal/chosen", test_chosen);
  g_test_add_func ("/refusal/refused", test_refused);
  g_test_add_func ("/refusal/hostile-file", test_hostile_file);
  return g_test_run ();
}
