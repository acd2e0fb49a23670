/* What the weights alone say about latents: enough to list and class an imported crosscoder. */
#include <math.h>
#include <string.h>

#include "latents-exchange.h"
#include "latents-private.h"
#include "weight-summary.h"

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

static void
fill_row (CsLatentRow *row, size_t j, const CsCrosscoder *head, const CsWeightSummary *summary)
{
  const double *norms = summary->norms + 2 * j;
  const double delta_norm = cs_crosscoder_norm_ratio (head, norms[0], norms[1]);
  clear_row (row);
  row->latent = (uint32_t)j;
  row->dec_base_norm = (float)norms[0];
  row->dec_chat_norm = (float)norms[1];
  row->delta_norm = (float)delta_norm;
  row->dec_cos_sim = summary->decoder_cosine[j];
  row->enc_cos_sim = summary->encoder_cosine[j];
  /* A latent without any decoder is in no class. */
  row->tag = (uint8_t)cs_latent_classify (delta_norm, isnan (delta_norm));
  row->dead = row->tag == CS_LATENT_DEAD;
}

static bool
write_table (const char *run_folder,
             const CsCrosscoder *head,
             const CsWeightSummary *summary,
             GError **error)
{
  const size_t F = summary->n_latents;
  g_autoptr (CsLatents) latents = g_new0 (CsLatents, 1);
  g_autofree CsExampleSlot *slots = g_new (CsExampleSlot, F * CS_EXAMPLE_GROUPS);
  latents->n_latents = F;
  latents->rows = g_new (CsLatentRow, F);
  latents->fve_base = latents->fve_chat = latents->l0 = latents->identity_gap = NAN;
  for (size_t j = 0; j < F; j++)
    fill_row (&latents->rows[j], j, head, summary);
  for (size_t i = 0; i < F * CS_EXAMPLE_GROUPS; i++)
    slots[i] = (CsExampleSlot){ -1, 0 };
  return cs_latents_save (latents, run_folder, slots, 1, error);
}

bool
cs_latents_from_weights (const char *run_folder, GError **error)
{
  g_auto (CsWeightSummary) summary = { 0 };
  g_autoptr (CsTeam) team = cs_team_new (0);
  g_autoptr (CsCrosscoder) head = cs_weight_summary_load (&summary, run_folder, team, error);
  return head && write_table (run_folder, head, &summary, error);
}

/* The weights are looked at once where their file is taken as it is. */
static bool
import_and_list (CsJob *job,
                 const char *path,
                 const char *run_folder,
                 const CsImportOptions *options,
                 char ***notes,
                 GError **error)
{
  g_auto (CsWeightSummary) summary = { 0 };
  g_autoptr (CsCrosscoder) head = NULL;
  if (!cs_crosscoder_import_summary (path, run_folder, options, notes, &summary, &head, error))
    return false;
  if (job)
    cs_job_phase (job, "Listing latents");
  return head ? write_table (run_folder, head, &summary, error)
              : cs_latents_from_weights (run_folder, error);
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
      g_strv_builder_addv (builder,
                           *notes ? (const char **)(uintptr_t)*notes : (const char *[]){ NULL });
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
      !import_and_list (job, path, run_folder, options, notes, error))
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
