#include "planted-run.h"

#include <string.h>

#include <glib/gstdio.h>

#include "random.h"
#include "store.h"

static const float base_length[PLANTED_LATENTS] = { 1, 0, 1, .7f, 0, 0, 1, .5f };
static const float chat_length[PLANTED_LATENTS] = { 1, 1, 0, .7f, 1, 1, 0, 1 };

/* Each latent reads and writes a direction of its own, but for the twins, which share one. */
static size_t
direction_of (size_t latent)
{
  return latent == PLANTED_TWIN_BASE ? PLANTED_TWIN_CHAT : latent;
}

static void
save_crosscoder (const char *folder)
{
  const size_t d = PLANTED_WIDTH;
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_new (d, PLANTED_LATENTS, CS_VARIANT_L1, NULL);
  g_autoptr (GError) error = NULL;

  for (size_t j = 0; j < PLANTED_LATENTS; j++)
    {
      float *decoder = cc->decoder + j * 2 * d, *encoder = cc->encoder + j * 2 * d;
      const bool reads_base = j == PLANTED_BASE_ONLY || j == PLANTED_TWIN_BASE;

      decoder[direction_of (j)] = base_length[j];
      decoder[d + direction_of (j)] = chat_length[j];
      encoder[(reads_base ? 0 : d) + direction_of (j)] = 1;
    }
  cc->encoder_bias[PLANTED_DEAD] = -1000;
  cs_crosscoder_save (cc, folder, &error);
  g_assert_no_error (error);
}

static void
save_config (const PlantedRun *run)
{
  CsTrainConfig config;
  g_autoptr (GError) error = NULL;

  cs_train_config_init (&config, CS_VARIANT_L1, PLANTED_WIDTH);
  config.n_latents = PLANTED_LATENTS;
  config.batch = 64;
  config.held_out = .25;
  cs_train_config_save (&config, run->run, PLANTED_WIDTH, run->store, &error);
  g_assert_no_error (error);
}

/* Sets the streams of one token and counts what fires. v = f · (‖base‖ + ‖chat‖). */
static void
make_token (PlantedRun *run, CsRandom *random, CsTokenClass class, float *base, float *chat)
{
  for (size_t j = 0; j < PLANTED_LATENTS; j++)
    {
      const bool twin = j == PLANTED_TWIN_BASE;
      float f = cs_random_uniform (random) < .2 ? (float) (1 + cs_random_below (random, 64) / 64.) : 0;

      if (twin) /* fires with its sibling, which set the streams */
        f = chat[PLANTED_TWIN_CHAT];
      else if (j != PLANTED_DEAD)
        {
          base[j] = f * (j == PLANTED_SHRUNK || j == PLANTED_TWIN_CHAT ? 1 : base_length[j]);
          chat[j] = f * chat_length[j];
        }
      if (f <= 0 || j == PLANTED_DEAD)
        continue;
      run->active[j]++;
      run->in_text[j] += class != CS_TOKEN_CLASS_BOS;
      run->in_template[j] += cs_token_class_is_template (class);
      run->in_class[j][class]++;
      run->strongest[j] = MAX (run->strongest[j], f * (base_length[j] + chat_length[j]));
    }
}

static const int32_t opening[] = { PLANTED_BOS, PLANTED_START, PLANTED_USER, PLANTED_NEWLINE, 20, 21, 22, PLANTED_END, PLANTED_NEWLINE,
                                   PLANTED_START, PLANTED_MODEL, PLANTED_NEWLINE };
static const CsTokenClass opening_classes[] = {
  CS_TOKEN_CLASS_BOS,  CS_TOKEN_CLASS_START, CS_TOKEN_CLASS_ROLE, CS_TOKEN_CLASS_NEWLINE, CS_TOKEN_CLASS_USER, CS_TOKEN_CLASS_USER,
  CS_TOKEN_CLASS_USER, CS_TOKEN_CLASS_END,   CS_TOKEN_CLASS_NEWLINE, CS_TOKEN_CLASS_START, CS_TOKEN_CLASS_ROLE,
  CS_TOKEN_CLASS_NEWLINE,
};

/* A document of chat, or of web text (BOS, words). */
static void
append_document (PlantedRun *run, CsStore *store, size_t document, CsRandom *random)
{
  const size_t n = 14 + document % 20, opened = document % 3 == 0 ? 1 : G_N_ELEMENTS (opening);
  g_autofree float *rows = g_new0 (float, n * 2 * PLANTED_WIDTH);
  int32_t *ids = run->ids + run->n_tokens;
  g_autoptr (GError) error = NULL;

  for (size_t t = 0; t < n; t++)
    {
      ids[t] = t < opened ? opening[t] : 30 + (int32_t) cs_random_below (random, 9);
      make_token (run, random, t < opened ? opening_classes[t] : opened == 1 ? CS_TOKEN_CLASS_TEXT : CS_TOKEN_CLASS_MODEL,
                  rows + 2 * t * PLANTED_WIDTH,
                  rows + (2 * t + 1) * PLANTED_WIDTH);
    }
  run->n_tokens += n;
  cs_store_append_document (store, ids, n, 0, rows, &error);
  g_assert_no_error (error);
}

PlantedRun *
planted_run_new (void)
{
  static char name[] = "planted", hash[] = "00";
  static char *corpora[] = { name, NULL };
  const CsStoreInfo info = { .d_model = PLANTED_WIDTH, .layer = 1, .dtype = CS_DTYPE_F32, .base_model = name,
                             .base_hash = hash, .chat_model = name, .chat_hash = hash, .tokenizer_hash = hash,
                             .corpora = corpora };
  PlantedRun *run = g_new0 (PlantedRun, 1);
  g_autoptr (CsStore) store = NULL;
  g_autoptr (GError) error = NULL;
  CsRandom random;

  run->folder = g_dir_make_tmp ("crosscope-analysis-XXXXXX", &error);
  g_assert_no_error (error);
  run->run = g_build_filename (run->folder, "run", NULL);
  run->store = g_build_filename (run->folder, "activations.h5", NULL);
  g_assert_cmpint (g_mkdir (run->run, 0777), ==, 0);
  store = cs_store_create (run->store, &info, 1000, PLANTED_DOCUMENTS, &error);
  g_assert_no_error (error);
  cs_random_init (&random, 11, 0);
  for (size_t document = 0; document < PLANTED_DOCUMENTS; document++)
    append_document (run, store, document, &random);
  g_assert_true (cs_store_finish (store, &error));
  save_config (run);
  save_crosscoder (run->run);
  return run;
}

static void
remove_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_unlink (path);
    }
  g_rmdir (folder);
}

void
planted_run_free (PlantedRun *run)
{
  remove_files (run->run);
  remove_files (run->folder);
  g_free (run->run);
  g_free (run->store);
  g_free (run->folder);
  g_free (run);
}
