#include <string.h>

#include <glib/gstdio.h>

#include "concepts.h"
#include "errors.h"
#include "steering.h"
#include "test-steering.h"

static const char lines[] = "{\"text\": \"the thing\", \"concepts\": [\"song\", \"ring\"], \"held_out\": true}\n\n"
                            "{\"text\": \"sing the ring\", \"concepts\": []}\n"
                            "{\"text\": \"in\", \"concepts\": [\"ring\"], \"held_out\": false}\n";

static GArray *
load (const char *content, GError **error)
{
  g_autofree char *path = NULL;
  const int fd = g_file_open_tmp ("crosscope-prompts-XXXXXX.jsonl", &path, NULL);
  GArray *prompts;

  g_assert_cmpint (fd, >=, 0);
  g_close (fd, NULL);
  g_assert_true (g_file_set_contents (path, content, -1, NULL));
  prompts = cs_labelled_prompts_load (path, error);
  g_unlink (path);
  return prompts;
}

static void
test_prompts (void)
{
  static const char *const bad[] = { "{", "[]", "{\"text\": 3}", "{\"text\": \"a\", \"concepts\": [3]}", "{}" };
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) prompts = load (lines, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (prompts->len, ==, 3);
  const CsLabelledPrompt *all = (const CsLabelledPrompt *) (const void *) prompts->data;
  g_assert_cmpstr (all[0].text, ==, "the thing");
  g_assert_true (all[0].held_out && !all[1].held_out && !all[2].held_out);
  g_assert_cmpstr (all[0].concepts[1], ==, "ring");
  g_assert_null (all[0].concepts[2]);
  g_assert_null (all[1].concepts[0]);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_null (load (bad[i], &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
      g_clear_error (&error);
    }
  g_assert_null (cs_labelled_prompts_load ("/nowhere/prompts.jsonl", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
}

static void
check_scores (const CsCrosscoder *cc, const char *text, size_t last_tokens, const float *scores)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autofree size_t *latents = g_new (size_t, cc->n_latents);
  g_autofree float *values = NULL;

  g_assert_true (cs_steer_prompt (pair, text, true, ids, NULL, NULL));
  for (size_t j = 0; j < cc->n_latents; j++)
    latents[j] = j;
  values = g_new (float, ids->len * cc->n_latents);
  g_assert_true (cs_steer_activations (pair, cc, NULL, 1, (const int32_t *) (const void *) ids->data, ids->len, latents,
                                       cc->n_latents, values, NULL));
  for (size_t j = 0; j < cc->n_latents; j++)
    {
      float expected = 0;

      for (guint t = last_tokens > 0 ? ids->len - (guint) last_tokens : 1; t < ids->len; t++)
        expected = MAX (expected, values[t * cc->n_latents + j]);
      /* of products that are summed up in another order */
      g_assert_cmpfloat_with_epsilon (scores[j], expected, 1e-5f * MAX (expected, 1));
    }
}

static void
test_scores (void)
{
  g_autoptr (CsCrosscoder) cc = steering_crosscoder (false);
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) prompts = load (lines, NULL);
  const CsLabelledPrompt *all = (const CsLabelledPrompt *) (const void *) prompts->data;
  g_autofree float *scores = cs_concept_prompt_scores (NULL, pair, cc, 1, all, 3, 1, &error);
  g_autofree float *again = cs_concept_prompt_scores (NULL, pair, cc, 1, all, 3, 4, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (scores, 3 * cc->n_latents * sizeof (float), again, 3 * cc->n_latents * sizeof (float));
  for (size_t i = 0; i < 3; i++)
    check_scores (cc, all[i].text, 0, scores + i * cc->n_latents);
}

/* Only what comes last is read. */
static void
test_last_tokens (void)
{
  g_autoptr (CsCrosscoder) cc = steering_crosscoder (false);
  const char *const requests[] = { "the cat sat", "on the mat" };
  g_autoptr (GError) error = NULL;
  g_autofree float *scores = cs_prompt_scores (NULL, pair, cc, 1, requests, 2, 2, 1, &error);

  g_assert_no_error (error);
  for (size_t i = 0; i < 2; i++)
    check_scores (cc, requests[i], 2, scores + i * cc->n_latents);
}

static void
test_score_errors (void)
{
  g_autoptr (CsCrosscoder) cc = steering_crosscoder (false);
  g_autoptr (CsCrosscoder) wide = cs_crosscoder_new (TINY_WIDTH * 2, 4, CS_VARIANT_L1, NULL);
  g_autoptr (GArray) prompts = load (lines, NULL);
  const CsLabelledPrompt *all = (const CsLabelledPrompt *) (const void *) prompts->data;
  g_autoptr (CsJob) job = cs_job_new ("Score", NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (cs_concept_prompt_scores (NULL, pair, wide, 1, all, 3, 2, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
  g_clear_error (&error);
  g_assert_null (cs_concept_prompt_scores (NULL, pair, cc, 99, all, 3, 2, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  cs_job_cancel (job);
  g_assert_null (cs_concept_prompt_scores (job, pair, cc, 1, all, 3, 2, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_CANCELLED);
}

void
add_concept_tests (void)
{
  g_test_add_func ("/analysis/concepts/prompts", test_prompts);
  g_test_add_func ("/analysis/concepts/scores", test_scores);
  g_test_add_func ("/analysis/concepts/last-tokens", test_last_tokens);
  g_test_add_func ("/analysis/concepts/score-errors", test_score_errors);
}
