/* Descriptions and detection scores of a run's latents, with a server of our own. */
#include "test-describe.h"

#include <math.h>

#include "describe-private.h"
#include "describe-prompt.h"
#include "errors.h"
#include "planted-run.h"

/* --- Answers --- */

static void
test_parse (void)
{
  static const char *const cases[][2] = {
    { "Description: refusals of harm", "refusals of harm" },
    { "I see.\n\ndescription: \"names of cities\"\nDone.", "names of cities" },
    { "<think>Description: no</think>**Description:** 東京", "東京" },
    { "thoughts</think>Description: closed only", "closed only" },
    { "  words for colours \n", "words for colours" },
    { "Description: first\nDescription: second", "second" },
    { "", NULL },
    { "<think>never closed Description: x", NULL },
    { "Description:  \"\" ", NULL },
    { "one\ntwo\nthree", NULL },
  };
  g_autofree char *lengthy = g_strnfill (100000, 'x'), *marked = g_strconcat ("Description: ", lengthy, NULL);
  g_autofree char *cut = cs_describe_parse (marked);

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = cs_describe_parse (cases[i][0]);
      g_assert_cmpstr (text, ==, cases[i][1]);
    }
  g_assert_null (cs_describe_parse (lengthy));
  g_assert_cmpint (g_utf8_strlen (cut, -1), ==, 200);
}

static void
test_verdicts (void)
{
  bool v[3];

  g_assert_true (cs_detect_parse ("[1, 0,1]", 3, v));
  g_assert_true (v[0] && !v[1] && v[2]);
  g_assert_true (cs_detect_parse ("Text [1] … so\n[ 0,\n1 ,0 ] .", 3, v));
  g_assert_true (!v[0] && v[1] && !v[2]);
  g_assert_false (cs_detect_parse ("[1, 0]", 3, v));
  g_assert_false (cs_detect_parse ("[1, 0, 1, 1]", 3, v));
  g_assert_false (cs_detect_parse ("[1, 2, 0]", 3, v));
  g_assert_false (cs_detect_parse ("[1, 0, 1", 3, v));
  g_assert_false (cs_detect_parse ("1, 0, 1", 3, v));
  g_assert_false (cs_detect_parse ("[", 3, v));
  g_assert_false (cs_detect_parse ("", 3, v));
}

static void
test_summary (void)
{
  const CsDetectItem items[] = {
    { NULL, 0, 1 }, { NULL, 0, 1 }, { NULL, 2, 1 }, { NULL, 2, 0 }, { NULL, 2, -1 },
    { NULL, CS_DETECT_RANDOM, 0 }, { NULL, CS_DETECT_RANDOM, 0 }, { NULL, CS_DETECT_SIMILAR, 1 },
    { NULL, CS_DETECT_SIMILAR, 0 },
  };
  CsDetectionScore s;

  cs_detect_summarise (items, G_N_ELEMENTS (items), &s);
  g_assert_cmpuint (s.n_firing, ==, 4);
  g_assert_cmpuint (s.n_unanswered, ==, 1);
  g_assert_cmpfloat (s.firing[0], ==, 1);
  g_assert_cmpfloat (s.firing[2], ==, 0.5);
  g_assert_true (isnan (s.firing[1]));
  g_assert_cmpfloat (s.random, ==, 1);
  g_assert_cmpfloat (s.similar, ==, 0.5);
  g_assert_cmpfloat (s.balanced_accuracy, ==, 0.75); /* ½ (¾ + ¾) */
  g_assert_cmpfloat (s.against_random, ==, 0.875);
  g_assert_cmpfloat (s.against_similar, ==, 0.625);
  cs_detect_summarise (items, 5, &s); /* nothing silent */
  g_assert_true (isnan (s.balanced_accuracy));
}

/* --- Runs --- */

/* Latents that fire on the strongest inputs only, so that there are texts on which they are silent. */
static PlantedRun *
sparse_run_new (void)
{
  PlantedRun *run = planted_run_new ();
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_load (run->run, NULL);
  const CsAnalyzeOptions options = { .seed = 1, .n_threads = 1, .markers = CS_TOKEN_MARKERS_NONE };
  g_autoptr (GError) error = NULL;

  for (size_t j = 0; j < PLANTED_LATENTS; j++)
    cc->encoder_bias[j] = j == PLANTED_DEAD ? -1000 : -1.7f;
  cs_crosscoder_save (cc, run->run, &error);
  g_assert_no_error (error);
  g_assert_true (cs_analyze (NULL, run->run, run->store, &options, &error));
  return run;
}

typedef struct
{
  GString *texts;
  size_t n, n_problems;
  CsDetectionScore score; /* of the last */
} Found;

static bool
note (void *data, const CsDescription *d, GError **error)
{
  Found *found = data;

  g_string_append_printf (found->texts, "%zu %s\n", d->latent, d->text != NULL ? d->text : d->problem);
  found->n++;
  found->n_problems += d->problem != NULL;
  found->score = d->score;
  return true;
}

static bool
describe (const PlantedRun *run, ChatServer *server, size_t n, bool score, Found *found, GError **error)
{
  static const size_t latents[] = { PLANTED_CHAT_ONLY, PLANTED_SHARED };
  const CsDescribeOptions options = { .run_folder = run->run, .store_path = run->store,
                                      .server = { .url = chat_server_url (server), .model = "test-model",
                                                  .timeout_ms = 30000, .attempts = 2, .backoff_ms = 1 },
                                      .latents = latents, .n_latents = n, .score = score, .seed = 3 };

  *found = (Found){ .texts = g_string_new (NULL) };
  return cs_describe (NULL, &options, note, found, error);
}

static char *
all_questions (ChatServer *server)
{
  GString *all = g_string_new (NULL);

  for (guint i = 0; i < chat_server_n_requests (server); i++)
    {
      g_autofree char *question = chat_server_question (server, i);
      g_string_append_printf (all, "%s\n====\n", question);
    }
  return g_string_free (all, FALSE);
}

static void
test_describes (void)
{
  g_autoptr (PlantedRun) run = sparse_run_new ();
  g_autoptr (ChatServer) server = chat_server_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *first = NULL, *second = NULL, *question = NULL;
  Found found;

  g_assert_true (describe (run, server, 2, true, &found, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (found.texts->str, ==, "1 the number 31\n0 the number 31\n");
  g_string_free (found.texts, TRUE);
  /* All ones: right where it fires, wrong elsewhere. */
  g_assert_cmpuint (found.score.n_firing, >, 4);
  g_assert_cmpuint (found.score.n_random, >, 1);
  g_assert_cmpuint (found.score.n_similar, >, 1);
  g_assert_cmpfloat (found.score.balanced_accuracy, ==, 0.5);
  g_assert_cmpfloat (found.score.firing[0], ==, 1);
  g_assert_cmpfloat (found.score.random, ==, 0);
  question = chat_server_question (server, 0);
  g_assert_nonnull (strstr (question, "<<#"));
  first = all_questions (server);
  g_free (question);
  question = chat_server_question (server, 1);
  g_assert_true (g_str_has_prefix (question, "Description: the number 31\n"));
  g_assert_null (strstr (question, "<<"));
  /* The same seed asks the same. */
  chat_server_set_mode (server, CHAT_DESCRIBES);
  g_assert_true (describe (run, server, 2, true, &found, &error));
  g_string_free (found.texts, TRUE);
  second = all_questions (server);
  g_assert_cmpstr (first, ==, second);
}

/* A bad answer is the latent's problem; a bad server ends the job. */
static void
test_failures (void)
{
  g_autoptr (PlantedRun) run = sparse_run_new ();
  g_autoptr (ChatServer) server = chat_server_new ();
  g_autoptr (GError) error = NULL;
  Found found;

  chat_server_set_mode (server, CHAT_RAMBLES);
  g_assert_true (describe (run, server, 2, true, &found, &error));
  g_assert_cmpuint (found.n_problems, ==, 2);
  g_string_free (found.texts, TRUE);
  chat_server_set_mode (server, CHAT_BROKEN);
  g_assert_false (describe (run, server, 2, false, &found, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_assert_cmpuint (found.n, ==, 0);
  g_string_free (found.texts, TRUE);
}

int
main (int argc, char **argv)
{
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/describe/parse", test_parse);
  g_test_add_func ("/describe/verdicts", test_verdicts);
  g_test_add_func ("/describe/summary", test_summary);
  add_client_tests ();
  g_test_add_func ("/describe/run", test_describes);
  g_test_add_func ("/describe/failures", test_failures);
  return g_test_run ();
}
