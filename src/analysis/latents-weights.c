/* What the weights alone say about latents: enough to list and class an imported crosscoder. */
#include <math.h>
#include <string.h>

#include "latents-exchange.h"
#include "latents-private.h"
#include "vector.h"

static float
cosine (const float *row, size_t d)
{
  const double base = cs_norm2 (row, d), chat = cs_norm2 (row + d, d);
  return base > 0 && chat > 0 ? (float)(cs_dot_double (row, row + d, d) / (base * chat)) : NAN;
}

/* Nothing known: every number NaN (all bits set), every mark and count 0, no other latent. */
static void
clear_row (CsLatentRow *row)
{
  memset (row, 0xff, sizeof *row);
  row->tag = CS_LATENT_OTHER;
  row->dead = row->tested = row->chat_specific = row->base_specific = 0;
  row->count_active = 0;
  row->max_act = 0;
}

typedef struct
{
  const CsCrosscoder *crosscoder;
  const double *norms;
  CsLatentRow *rows;
} FillTask;

static void
fill_rows (size_t begin, size_t end, unsigned worker, void *data)
{
  const FillTask *task = data;
  const CsCrosscoder *cc = task->crosscoder;
  const size_t width = 2 * cc->d_model;
  for (size_t j = begin; j < end; j++)
    {
      CsLatentRow *row = &task->rows[j];
      const double *norms = task->norms + 2 * j;
      const double delta_norm = cs_crosscoder_norm_ratio (cc, norms[0], norms[1]);
      row->latent = (uint32_t)j;
      row->dec_base_norm = (float)norms[0];
      row->dec_chat_norm = (float)norms[1];
      row->delta_norm = (float)delta_norm;
      row->dec_cos_sim = cosine (cc->decoder + j * width, cc->d_model);
      row->enc_cos_sim = cosine (cc->encoder + j * width, cc->d_model);
      /* A latent without any decoder is in no class. */
      row->tag = (uint8_t)cs_latent_classify (delta_norm, isnan (delta_norm));
      row->dead = row->tag == CS_LATENT_DEAD;
    }
}

bool
cs_latents_from_weights (const char *run_folder, GError **error)
{
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (run_folder, error);
  if (!crosscoder)
    return false;
  const size_t F = crosscoder->n_latents;
  g_autoptr (CsTeam) team = cs_team_new (0);
  g_autoptr (CsLatents) latents = g_new0 (CsLatents, 1);
  g_autofree double *norms = g_new (double, 2 * F);
  g_autofree CsExampleSlot *slots = g_new (CsExampleSlot, F * CS_EXAMPLE_GROUPS);
  cs_crosscoder_norms (crosscoder, team, norms);
  latents->n_latents = F;
  latents->rows = g_new (CsLatentRow, F);
  latents->fve_base = latents->fve_chat = latents->l0 = latents->identity_gap = NAN;
  for (size_t j = 0; j < F; j++)
    clear_row (&latents->rows[j]);
  FillTask task = { crosscoder, norms, latents->rows };
  cs_team_run (team, F, fill_rows, &task);
  for (size_t i = 0; i < F * CS_EXAMPLE_GROUPS; i++)
    slots[i] = (CsExampleSlot){ -1, 0 };
  return cs_latents_save (latents, run_folder, slots, 1, error);
}

static bool
phase (CsJob *job, const char *name, GError **error)
{
  if (!job)
    return true;
  cs_job_phase (job, name);
  return cs_job_checkpoint (job, error);
}

static void
add_note (char ***notes, char *note)
{
  if (notes && note)
    {
      g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
      g_strv_builder_addv (builder, *notes ? (const char **)(uintptr_t)*notes : (const char *[]){ NULL });
      g_strv_builder_add (builder, note);
      g_strfreev (*notes);
      *notes = g_strv_builder_end (builder);
    }
  g_free (note);
}

bool
cs_import_run (CsJob *job,
               const char *path,
               const char *run_folder,
               const CsImportOptions *options,
               const char *table_path,
               const char *examples_path,
               char ***notes,
               GError **error)
{
  char *note = NULL;
  if (notes)
    *notes = NULL;
  if (!phase (job, "Reading", error) ||
      !cs_crosscoder_import (path, run_folder, options, notes, error) ||
      !phase (job, "Listing latents", error) || !cs_latents_from_weights (run_folder, error))
    return false;
  if (table_path && !cs_latents_attach_table (run_folder, table_path, &note, error))
    return false;
  add_note (notes, g_steal_pointer (&note));
  if (!examples_path)
    return true;
  if (!phase (job, "Copying examples", error) ||
      !cs_latents_attach_examples (job, run_folder, examples_path, &note, error))
    return false;
  add_note (notes, note);
  return true;
}
