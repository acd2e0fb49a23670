#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "errors.h"
#include "model-folder.h"
#include "model.h"
#include "random.h"
#include "train-model.h"
#include "train-ops.h"
#include "train-run.h"

static const CsTrainModelConfig tiny = {
  .vocab_size = 29,
  .d_model = 16,
  .n_layers = 2,
  .n_heads = 2,
  .d_ff = 20,
  .max_position = 24,
  .norm_eps = 1e-5,
  .rope_theta = 100,
};

/* Three documents, one of a single token; some targets without weight. */
typedef struct
{
  int32_t ids[24], targets[24];
  float weights[24];
  size_t starts[4];
} Sample;

static CsTrainBatch
sample_batch (Sample *sample, CsRandom *random)
{
  const size_t starts[] = { 0, 9, 10, 24 };
  memcpy (sample->starts, starts, sizeof starts);
  for (size_t i = 0; i < 24; i++)
    {
      sample->ids[i] = (int32_t)cs_random_below (random, tiny.vocab_size);
      sample->targets[i] = (int32_t)cs_random_below (random, tiny.vocab_size);
      sample->weights[i] = i % 5 == 3 ? 0.0f : (float)(0.5 + cs_random_uniform (random));
    }
  return (CsTrainBatch){ .n_tokens = 24,
                         .n_documents = 3,
                         .ids = sample->ids,
                         .targets = sample->targets,
                         .weights = sample->weights,
                         .starts = sample->starts };
}

/* Norms and weights large enough that no parameter's gradient drowns in rounding. */
static CsTrainModel *
lively_model (CsRandom *random)
{
  CsTrainModel *model = cs_train_model_new (&tiny, 11);
  for (size_t i = 0; i < model->n_weights; i++)
    model->weights[i] = model->weights[i] * 0.7f + (float)(0.2 * cs_random_normal (random));
  return model;
}

/* The derivative of the loss along direction over one parameter, by a four-point difference. */
static double
slope (CsTrainModel *model,
       CsTrainScratch *scratch,
       const CsTrainBatch *batch,
       const CsTrainParameter *parameter,
       const float *direction,
       double step)
{
  const double at[] = { -2, -1, 1, 2 }, factor[] = { 1, -8, 8, -1 };
  double sum = 0;
  g_autofree float *kept =
      g_memdup2 (model->weights + parameter->offset, parameter->n * sizeof (float));
  for (int side = 0; side < 4; side++)
    {
      float *w = model->weights + parameter->offset;
      for (size_t i = 0; i < parameter->n; i++)
        w[i] = (float)((double)kept[i] + at[side] * step * (double)direction[i]);
      sum += factor[side] * cs_train_model_loss (model, scratch, batch, NULL);
    }
  memcpy (model->weights + parameter->offset, kept, parameter->n * sizeof (float));
  return sum / (12 * step);
}

static void
check_parameter (CsTrainModel *model,
                 CsTrainScratch *scratch,
                 const CsTrainBatch *batch,
                 const float *gradients,
                 const CsTrainParameter *parameter,
                 CsRandom *random)
{
  g_autofree float *direction = g_new (float, parameter->n);
  const float *g = gradients + parameter->offset;
  double norm = 0;
  for (size_t i = 0; i < parameter->n; i++)
    norm += (double)g[i] * (double)g[i];
  norm = sqrt (norm);
  g_assert_cmpfloat (norm, >, 1e-3);
  for (int trial = 0; trial < 6; trial++)
    {
      double expected = 0, length = 0;
      for (size_t i = 0; i < parameter->n; i++)
        {
          direction[i] = trial == 0 ? g[i] : (float)cs_random_normal (random);
          length += (double)direction[i] * (double)direction[i];
        }
      for (size_t i = 0; i < parameter->n; i++)
        {
          direction[i] = (float)((double)direction[i] / sqrt (length));
          expected += (double)direction[i] * (double)g[i];
        }
      double found = slope (model, scratch, batch, parameter, direction, 1e-2);
      if (fabs (found - expected) > 3e-3 * norm)
        g_error ("%s, trial %d: the gradient says %g, the difference %g (norm %g)", parameter->name,
                 trial, expected, found, norm);
    }
}

static void
test_gradients (void)
{
  CsRandom random;
  cs_random_init (&random, 3, 0);
  g_autoptr (CsTrainModel) model = lively_model (&random);
  g_autoptr (CsTrainScratch) scratch = cs_train_scratch_new (&tiny, 30);
  Sample sample;
  CsTrainBatch batch = sample_batch (&sample, &random);
  g_autofree float *gradients = g_new0 (float, model->n_weights);
  double loss = cs_train_model_loss (model, scratch, &batch, gradients);
  g_assert_cmpfloat (fabs (loss - cs_train_model_loss (model, scratch, &batch, NULL)), ==, 0);
  for (size_t i = 0; i < model->n_parameters; i++)
    check_parameter (model, scratch, &batch, gradients, &model->parameters[i], &random);
}

/* A document's logits do not depend on its neighbours in the batch. */
static void
test_documents_apart (void)
{
  CsRandom random;
  cs_random_init (&random, 4, 0);
  g_autoptr (CsTrainModel) model = lively_model (&random);
  g_autoptr (CsTrainScratch) scratch = cs_train_scratch_new (&tiny, 24);
  Sample sample;
  CsTrainBatch batch = sample_batch (&sample, &random);
  g_autofree float *together = g_new (float, 24 * tiny.vocab_size);
  g_autofree float *alone = g_new (float, 14 * tiny.vocab_size);
  cs_train_model_logits (model, scratch, &batch, together);
  const size_t starts[] = { 0, 14 };
  CsTrainBatch last = { .n_tokens = 14,
                        .n_documents = 1,
                        .ids = sample.ids + 10,
                        .targets = sample.targets + 10,
                        .weights = sample.weights + 10,
                        .starts = starts };
  cs_train_model_logits (model, scratch, &last, alone);
  for (size_t i = 0; i < 14 * tiny.vocab_size; i++)
    g_assert_cmpfloat_with_epsilon (alone[i], together[10 * tiny.vocab_size + i], 1e-4);
}

static void
test_exp (void)
{
  for (double x = -86; x < 87; x += 0.0137)
    g_assert_cmpfloat_with_epsilon ((double)cs_exp_approx ((float)x) / exp ((double)(float)x), 1.0,
                                    6e-7);
  g_assert_cmpfloat (cs_exp_approx (-1e9f), <, 1e-37);
}

/* Counting sequences: 0 1 2 3 … from a random start, learnt to near certainty in a moment. */
static CsTrainSet *
counting_set (void)
{
  CsRandom random;
  cs_random_init (&random, 5, 0);
  CsTrainSet *set = cs_train_set_new ();
  for (size_t i = 0; i < 200; i++)
    {
      int32_t ids[12];
      float weights[12] = { 0 };
      int32_t first = (int32_t)cs_random_below (&random, tiny.vocab_size);
      for (size_t j = 0; j < 12; j++)
        {
          ids[j] = (first + (int32_t)j) % (int32_t)tiny.vocab_size;
          weights[j] = 1;
        }
      cs_train_set_add (set, ids, weights, 5 + i % 8);
    }
  return set;
}

static bool
keep_loss (void *data, size_t step, double loss, double lr)
{
  double *losses = data;
  if (step == 0)
    losses[0] = loss;
  losses[1] = loss;
  return true;
}

static CsTrainModel *
train_counting (unsigned n_threads, double losses[2])
{
  g_autoptr (CsTrainSet) set = counting_set ();
  g_autoptr (CsTeam) team = cs_team_new (n_threads);
  CsTrainModel *model = cs_train_model_new (&tiny, 1);
  CsTrainSettings settings = CS_TRAIN_SETTINGS_DEFAULT;
  settings.n_steps = 150;
  settings.shard_tokens = 64;
  settings.warm_up = 10;
  settings.peak_lr = 1e-2;
  g_autoptr (GError) error = NULL;
  g_assert_true (cs_train_run (NULL, team, model, set, &settings, keep_loss, losses, &error));
  g_assert_no_error (error);
  return model;
}

static void
test_learns (void)
{
  double losses[2], again[2];
  g_autoptr (CsTrainModel) model = train_counting (1, losses);
  g_assert_cmpfloat (losses[0], >, 2.5);
  g_assert_cmpfloat (losses[1], <, 0.05);
  /* The same bytes whatever the number of threads. */
  g_autoptr (CsTrainModel) other = train_counting (2, again);
  g_assert_cmpmem (model->weights, model->n_weights * sizeof (float), other->weights,
                   other->n_weights * sizeof (float));
}

static void
remove_folder (char *folder)
{
  const char *const names[] = { "config.json", "generation_config.json", "model.safetensors" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);
      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_free (folder);
}

/* Another epsilon, base of angles and set of sizes than the runtime's defaults. */
static void
test_runtime_agrees (void)
{
  CsRandom random;
  cs_random_init (&random, 6, 0);
  g_autoptr (CsTrainModel) model = lively_model (&random);
  g_autoptr (CsTrainScratch) scratch = cs_train_scratch_new (&tiny, 24);
  cs_model_folder_round (model);
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("crosscope-train-XXXXXX", &error);
  g_assert_true (cs_model_folder_save (model, folder, true, &error));
  g_assert_no_error (error);

  Sample sample;
  CsTrainBatch batch = sample_batch (&sample, &random);
  const size_t starts[] = { 0, 24 };
  batch.starts = starts;
  batch.n_documents = 1;
  g_autofree float *expected = g_new (float, 24 * tiny.vocab_size);
  g_autofree float *found = g_new (float, 24 * tiny.vocab_size);
  cs_train_model_logits (model, scratch, &batch, expected);

  g_autoptr (CsModel) runtime = cs_model_open (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cs_model_config (runtime)->n_eos, ==, 2);
  g_autoptr (CsSession) session = cs_session_new (runtime, NULL, 24);
  g_assert_true (
      cs_session_forward (session, sample.ids, 24, tiny.n_layers, CS_LOGITS_ALL, found, &error));
  for (size_t i = 0; i < 24 * tiny.vocab_size; i++)
    g_assert_cmpfloat_with_epsilon (found[i], expected[i], 1e-3);

  g_autoptr (CsTrainModel) loaded = cs_model_folder_load (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (loaded->weights, loaded->n_weights * sizeof (float), model->weights,
                   model->n_weights * sizeof (float));
  remove_folder (folder);
}

static void
test_empty_set (void)
{
  g_autoptr (CsTrainSet) set = cs_train_set_new ();
  int32_t one = 3;
  cs_train_set_add (set, &one, NULL, 1);
  g_autoptr (CsTrainModel) model = cs_train_model_new (&tiny, 1);
  CsTrainSettings settings = CS_TRAIN_SETTINGS_DEFAULT;
  g_autoptr (GError) error = NULL;
  g_assert_false (cs_train_run (NULL, NULL, model, set, &settings, NULL, NULL, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/train/exp", test_exp);
  g_test_add_func ("/train/gradients", test_gradients);
  g_test_add_func ("/train/documents-apart", test_documents_apart);
  g_test_add_func ("/train/learns", test_learns);
  g_test_add_func ("/train/runtime-agrees", test_runtime_agrees);
  g_test_add_func ("/train/empty-set", test_empty_set);
  return g_test_run ();
}
