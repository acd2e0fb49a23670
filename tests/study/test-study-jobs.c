/* The queue of a study, and harvest, training and analysis through it. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "../analysis/tiny-pair.h"
#include "errors.h"
#include "test-study.h"

/* Lets the main context do what is due until the condition holds; a test that hangs is ended by meson. */
#define RUN_UNTIL(condition)                                                                                           \
  while (!(condition))                                                                                                 \
    if (!g_main_context_iteration (NULL, FALSE))                                                                       \
  g_usleep (1000)

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* --- Jobs that wait to be told to end --- */

typedef struct
{
  CsJob *job;
  gint go;      /* atomic */
} Waiter;

static bool
waiter_func (CsJob *job, void *data, GError **error)
{
  Waiter *waiter = data;

  g_atomic_int_set (&waiter->go, g_atomic_int_get (&waiter->go) | 2);
  while ((g_atomic_int_get (&waiter->go) & 1) == 0)
    {
      if (!cs_job_checkpoint (job, error))
        return false;
      g_usleep (500);
    }
  return true;
}

static void
add_waiter (CsStudy *study, Waiter *waiter, bool heavy)
{
  waiter->go = 0;
  waiter->job = cs_job_new ("Wait", waiter_func, waiter, NULL);
  cs_study_add_job (study, waiter->job, heavy);
}

static void
let_go (Waiter *waiter)
{
  g_atomic_int_set (&waiter->go, 3);
}

static bool
has_begun (Waiter *waiter)
{
  return (g_atomic_int_get (&waiter->go) & 2) != 0;
}

static void
test_order (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder);
  Waiter heavy[4], light;

  for (size_t i = 0; i < 4; i++)
    add_waiter (study, &heavy[i], true);
  add_waiter (study, &light, false);
  g_assert_cmpuint (g_list_model_get_n_items (cs_study_jobs (study)), ==, 5);
  g_assert_true (cs_study_has_active_jobs (study));
  g_assert_cmpint (cs_job_state (heavy[0].job), ==, CS_JOB_RUNNING);
  g_assert_cmpint (cs_job_state (light.job), ==, CS_JOB_RUNNING); /* beside the heavy one */
  cs_job_cancel (heavy[2].job); /* while it waits */
  for (size_t i = 0; i < 4; i++)
    {
      if (i == 2)
        continue;
      RUN_UNTIL (cs_job_state (heavy[i].job) == CS_JOB_RUNNING);
      for (size_t later = i + 1; later < 4; later++)
        g_assert_cmpint (cs_job_state (heavy[later].job), ==, later == 2 ? CS_JOB_CANCELLED : CS_JOB_QUEUED);
      let_go (&heavy[i]);
      RUN_UNTIL (!cs_job_is_active (heavy[i].job));
    }
  g_assert_false (has_begun (&heavy[2]));
  let_go (&light);
  RUN_UNTIL (!cs_study_has_active_jobs (study));
  settle ();
  cs_study_clear_ended_jobs (study);
  g_assert_cmpuint (g_list_model_get_n_items (cs_study_jobs (study)), ==, 0);
  for (size_t i = 0; i < 4; i++)
    g_object_unref (heavy[i].job);
  g_object_unref (light.job);
  test_study_free (study, folder);
}

static void
test_clear_keeps_active (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder);
  Waiter jobs[3];

  for (size_t i = 0; i < 3; i++)
    add_waiter (study, &jobs[i], true);
  cs_job_cancel (jobs[1].job);
  cs_study_clear_ended_jobs (study); /* the one that waits in the middle goes */
  g_assert_cmpuint (g_list_model_get_n_items (cs_study_jobs (study)), ==, 2);
  let_go (&jobs[0]);
  cs_job_wait (jobs[0].job, NULL);
  cs_study_clear_ended_jobs (study); /* before its last "changed" has come */
  g_assert_cmpuint (g_list_model_get_n_items (cs_study_jobs (study)), ==, 1);
  RUN_UNTIL (cs_job_state (jobs[2].job) == CS_JOB_RUNNING);
  let_go (&jobs[2]);
  RUN_UNTIL (!cs_study_has_active_jobs (study));
  settle ();
  for (size_t i = 0; i < 3; i++)
    g_object_unref (jobs[i].job);
  test_study_free (study, folder);
}

static void
test_stop (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder);
  Waiter jobs[4];

  for (size_t i = 0; i < 4; i++)
    add_waiter (study, &jobs[i], i < 3);
  RUN_UNTIL (has_begun (&jobs[0]) && has_begun (&jobs[3]));
  cs_job_pause (jobs[0].job); /* a paused one ends too */
  cs_study_stop_jobs (study);
  g_assert_false (cs_study_has_active_jobs (study));
  for (size_t i = 0; i < 4; i++)
    g_assert_cmpint (cs_job_state (jobs[i].job), ==, CS_JOB_CANCELLED);
  settle ();
  g_assert_false (has_begun (&jobs[1]) || has_begun (&jobs[2]));
  /* The study goes on working. */
  Waiter again;
  add_waiter (study, &again, true);
  let_go (&again);
  RUN_UNTIL (!cs_study_has_active_jobs (study));
  g_assert_cmpint (cs_job_state (again.job), ==, CS_JOB_DONE);
  settle ();
  for (size_t i = 0; i < 4; i++)
    g_object_unref (jobs[i].job);
  g_object_unref (again.job);
  test_study_free (study, folder);
}

/* --- The whole way --- */

typedef struct
{
  TinyPair *tiny;
  char *folder;
  CsStudy *study;
} World;

static void
world_init (World *world)
{
  g_autofree char *web = NULL, *chat = NULL;
  const char *corpora[3] = { NULL };

  world->tiny = tiny_pair_new ();
  world->study = test_study_new (&world->folder);
  tiny_pair_corpora (world->folder, &web, &chat);
  corpora[0] = web;
  corpora[1] = chat;
  for (int m = 0; m < 2; m++)
    g_assert_true (cs_study_set_model_folder (world->study, m, world->tiny->model[m]->folder, NULL));
  g_assert_true (cs_study_set_corpora (world->study, corpora, NULL));
}

static void
world_clear (World *world)
{
  settle ();
  test_study_free (world->study, world->folder);
  tiny_pair_free (world->tiny);
}

static CsTrainConfig
small_config (size_t steps)
{
  CsTrainConfig config;

  cs_train_config_init (&config, CS_VARIANT_BATCHTOPK, TINY_WIDTH);
  config.n_latents = 32;
  config.k = 4;
  config.steps = steps;
  config.batch = 64;
  config.lr = 1e-3;
  config.n_threads = 1;
  return config;
}

static void
run_jobs (CsStudy *study)
{
  RUN_UNTIL (!cs_study_has_active_jobs (study));
  settle ();
  RUN_UNTIL (!cs_study_has_active_jobs (study)); /* analysis follows training */
  settle ();
}

static void
assert_done (CsStudy *study, guint n)
{
  GListModel *jobs = cs_study_jobs (study);

  g_assert_cmpuint (g_list_model_get_n_items (jobs), ==, n);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CsJob) job = g_list_model_get_item (jobs, i);
      g_autoptr (GError) error = NULL;

      cs_job_wait (job, &error);
      g_assert_no_error (error);
    }
}

static void
count_run (CsRun *run, unsigned *n)
{
  g_assert_true (CS_IS_RUN (run));
  ++*n;
}

static void
test_whole_way (void)
{
  const CsTrainConfig config = small_config (120);
  size_t n_tokens = 0, n_documents = 0;
  bool finished = false;
  unsigned n_changed = 0;
  g_autoptr (GError) error = NULL;
  const CsLatents *latents;
  World world;
  CsRun *run;

  world_init (&world);
  g_assert_false (cs_study_store_status (world.study, &n_tokens, &n_documents, &finished));
  g_assert_nonnull (cs_study_harvest (world.study, &error));
  g_assert_nonnull (cs_study_train (world.study, "batchtopk-1", &config, &error)); /* queued behind it */
  g_assert_no_error (error);
  run = cs_study_find_run (world.study, "batchtopk-1");
  g_signal_connect (run, "changed", G_CALLBACK (count_run), &n_changed);
  g_assert_nonnull (cs_run_job (run));
  g_assert_null (cs_study_train (world.study, "batchtopk-1", &config, &error)); /* at work */
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_false (cs_study_remove_run (world.study, run, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  run_jobs (world.study);
  assert_done (world.study, 3);
  g_assert_null (cs_run_job (run));
  g_assert_cmpuint (n_changed, >=, 3);
  g_assert_true (cs_study_store_status (world.study, &n_tokens, &n_documents, &finished));
  g_assert_true (finished && n_documents == 60 && n_tokens > 1000);
  g_assert_true (cs_run_is_trained (run));
  g_assert_cmpuint (cs_run_log_n_metrics (cs_run_log (run)), >, 5);
  latents = cs_run_latents (run, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (latents->n_latents, ==, 32);
  g_assert_cmpuint (latents->n_tokens, ==, n_tokens);
  g_assert_true (isfinite (latents->fve_chat));
  g_assert_cmpuint (cs_run_crosscoder (run, NULL)->n_latents, ==, 32);
  bool some_template = false;
  for (size_t j = 0; j < 32; j++) /* the markers of the pair were known */
    some_template = some_template || latents->rows[j].template_share > 0;
  g_assert_true (some_template);
  world_clear (&world);
}

/* Stopped in the middle, opened again, continued to the end. */
static void
test_stopped_and_continued (void)
{
  const CsTrainConfig config = small_config (2000);
  g_autoptr (GError) error = NULL;
  uint64_t step = 0, steps = 0;
  World world;
  CsRun *run;

  world_init (&world);
  g_assert_nonnull (cs_study_harvest (world.study, NULL));
  g_assert_nonnull (cs_study_train (world.study, "batchtopk-1", &config, NULL));
  run = cs_study_find_run (world.study, "batchtopk-1");
  RUN_UNTIL (cs_run_log_n_metrics (cs_run_log (run)) > 2);
  cs_study_stop_jobs (world.study);
  g_assert_null (cs_run_job (run));
  settle ();
  g_assert_false (cs_study_has_active_jobs (world.study)); /* no analysis follows */
  g_assert_true (cs_train_state (cs_run_folder (run), &step, &steps, NULL));
  g_assert_true (step > 0 && step < 2000 && steps == 2000);
  g_assert_false (cs_run_is_trained (run));
  g_object_unref (world.study);

  world.study = cs_study_open (world.folder, &error);
  g_assert_no_error (error);
  run = cs_study_find_run (world.study, "batchtopk-1");
  g_assert_nonnull (cs_study_continue_run (world.study, run, &error));
  g_assert_no_error (error);
  run_jobs (world.study);
  assert_done (world.study, 2);
  g_assert_true (cs_run_is_trained (run));
  g_assert_nonnull (cs_run_latents (run, NULL));
  world_clear (&world);
}

static void
test_refusals (void)
{
  static const char *const names[] = { "", ".", "..", ".hidden", "a/b", "../out", "\xff" };
  const CsTrainConfig config = small_config (10);
  g_autoptr (GError) error = NULL;
  char *folder;
  CsStudy *study = test_study_new (&folder);

  g_assert_null (cs_study_pair (study, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_null (cs_study_harvest (study, &error)); /* no models */
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  for (int m = 0; m < 2; m++)
    g_assert_true (cs_study_set_model_folder (study, m, "/nowhere", NULL));
  g_assert_null (cs_study_harvest (study, &error)); /* no corpus */
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_assert_null (cs_study_train (study, names[i], &config, &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
      g_clear_error (&error);
    }
  /* Without a store a run fails, says why, is not analysed, and can be removed. */
  g_assert_nonnull (cs_study_train (study, "zz", &config, NULL));
  g_assert_nonnull (cs_study_train (study, "aa", &config, NULL));
  g_autoptr (CsRun) first = g_list_model_get_item (cs_study_runs (study), 0);
  g_assert_cmpstr (cs_run_name (first), ==, "aa"); /* by name */
  run_jobs (study);
  g_assert_cmpuint (g_list_model_get_n_items (cs_study_jobs (study)), ==, 2);
  g_autoptr (CsJob) job = g_list_model_get_item (cs_study_jobs (study), 0);
  g_assert_false (cs_job_wait (job, &error));
  g_assert_true (error->domain == CS_ERROR);
  g_assert_true (cs_study_remove_run (study, cs_study_find_run (study, "aa"), NULL));
  g_assert_true (cs_study_remove_run (study, cs_study_find_run (study, "zz"), NULL));
  g_clear_object (&first);
  test_study_free (study, folder);
}

void
add_job_tests (void)
{
  g_test_add_func ("/study/jobs/order", test_order);
  g_test_add_func ("/study/jobs/clear-keeps-active", test_clear_keeps_active);
  g_test_add_func ("/study/jobs/stop", test_stop);
  g_test_add_func ("/study/jobs/whole-way", test_whole_way);
  g_test_add_func ("/study/jobs/stopped-and-continued", test_stopped_and_continued);
  g_test_add_func ("/study/jobs/refusals", test_refusals);
}
