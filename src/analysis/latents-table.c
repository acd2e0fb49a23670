/* feature_df.csv, in. */
#include <float.h>
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "csv-table.h"
#include "file-error.h"
#include "latents-exchange.h"
#include "latents-private.h"

#define NORM_TOLERANCE 0.01 /* of Δ_norm, between the table's rounding and the weights */

typedef struct
{
  const CsCsv *csv;
  const char *path;
  CsLatents *latents;
  uint32_t *latent; /* of each row of the table */
  bool reversed;    /* its difference of norms is 1 − Δ_norm, as the authors write it */
} Table;

static bool
fail (const Table *table, GError **error, const char *what)
{
  cs_file_error (error, CS_ERROR_MISMATCH, "“%s” cannot be attached: %s.", table->path, what);
  return false;
}

/* The first of these columns that is there; −1 for none. */
static long
find (const CsCsv *csv, const char *const *names)
{
  for (; *names; names++)
    if (cs_csv_column (csv, *names) >= 0)
      return cs_csv_column (csv, *names);
  return -1;
}

#define FIND(csv, ...) find (csv, (const char *const[]){ __VA_ARGS__, NULL })

/* The latent of each row: an index column, or the order. */
static bool
read_index (Table *table, GError **error)
{
  const long column = FIND (table->csv, "latent", "feature_idx", "Unnamed: 0", "");
  const size_t n = cs_csv_n_rows (table->csv);
  g_autofree uint8_t *seen = g_new0 (uint8_t, table->latents->n_latents);
  table->latent = g_new (uint32_t, MAX (n, 1));
  for (size_t r = 0; r < n; r++)
    {
      double id = (double)r;
      if (column >= 0 && !cs_csv_number (table->csv, r, (size_t)column, &id))
        id = -1;
      if (!(id >= 0 && id < (double)table->latents->n_latents && id == floor (id)) ||
          seen[(size_t)id])
        return fail (table, error, "it names a latent twice, or one that the crosscoder has not");
      seen[(size_t)id] = 1;
      table->latent[r] = (uint32_t)id;
    }
  return n > 0 || fail (table, error, "it has no rows");
}

/* One column into a float of the rows; absent ones are left alone. */
static bool
take (const Table *table, long column, size_t offset, GError **error)
{
  for (size_t r = 0; column >= 0 && r < cs_csv_n_rows (table->csv); r++)
    {
      double value;
      float narrow;
      if (!cs_csv_number (table->csv, r, (size_t)column, &value))
        {
          g_autofree char *what = g_strdup_printf ("“%.40s” in column “%.40s” is no number",
                                                   cs_csv_text (table->csv, r, (size_t)column),
                                                   cs_csv_name (table->csv, (size_t)column));
          return fail (table, error, what);
        }
      narrow = fabs (value) <= FLT_MAX ? (float)value : NAN;
      memcpy ((char *)&table->latents->rows[table->latent[r]] + offset, &narrow, sizeof narrow);
    }
  return true;
}

#define TAKE(field, ...)                                                                           \
  take (table, FIND (table->csv, __VA_ARGS__), G_STRUCT_OFFSET (CsLatentRow, field), error)

static bool
take_columns (const Table *table, GError **error)
{
  return TAKE (density, "freq", "density", "freq_val", "lmsys_freq") &&
         TAKE (max_act, "max_act", "max_act_train", "max_act_val", "max_act_lmsys",
               "lmsys_max_act") &&
         TAKE (template_share, "lmsys_ctrl_%", "template_share") &&
         TAKE (beta_activation[0], "beta_activation_base") &&
         TAKE (beta_activation[1], "beta_activation_chat") &&
         TAKE (beta_reconstruction[0], "beta_reconstruction_base") &&
         TAKE (beta_reconstruction[1], "beta_reconstruction_chat") &&
         TAKE (beta_error[0], "beta_error_base") && TAKE (beta_error[1], "beta_error_chat") &&
         TAKE (nu_activation, "beta_activation_ratio", "beta_ratio_activation") &&
         TAKE (nu_error, "beta_ratio_error", "beta_error_ratio") &&
         TAKE (nu_reconstruction, "beta_ratio_reconstruction", "beta_reconstruction_ratio");
}

/* dec_norm_diff is the authors' 1 − Δ_norm. The weights say whether the table belongs to them, and
 * which way round it is. */
static bool
check_norms (Table *table, GError **error)
{
  const long column = FIND (table->csv, "dec_norm_diff"), plain = FIND (table->csv, "delta_norm");
  size_t n = 0, n_reversed = 0, n_plain = 0;
  if (column < 0 && plain < 0)
    return fail (table, error, "it has no column “dec_norm_diff”, by which latents are recognised");
  for (size_t r = 0; r < cs_csv_n_rows (table->csv); r++)
    {
      const double delta = (double)table->latents->rows[table->latent[r]].delta_norm;
      double value;
      if (!cs_csv_number (table->csv, r, (size_t)(column >= 0 ? column : plain), &value))
        return fail (table, error, "its difference of norms is no number in some row");
      if (isnan (value) || isnan (delta))
        continue;
      n++;
      n_reversed += fabs (1 - value - delta) < NORM_TOLERANCE;
      n_plain += fabs (value - delta) < NORM_TOLERANCE;
    }
  table->reversed = column >= 0 && n_reversed >= n_plain;
  if (MAX (n_reversed, n_plain) < n - n / 100)
    return fail (table, error, "its decoder norms are those of another crosscoder");
  return true;
}

static bool
is_true (const char *text)
{
  return g_ascii_strcasecmp (text, "true") == 0 || strcmp (text, "1") == 0 ||
         strcmp (text, "1.0") == 0;
}

/* "Chat only", "IT only", "ft_only", "Base only", "Shared", "Other" and our own names; false for
 * another word. */
static bool
parse_tag (const char *text, CsLatentClass *tag)
{
  static const struct
  {
    const char *name;
    CsLatentClass tag;
  } names[] = {
    { "chat-only", CS_LATENT_CHAT_ONLY }, { "it-only", CS_LATENT_CHAT_ONLY },
    { "ft-only", CS_LATENT_CHAT_ONLY },   { "base-only", CS_LATENT_BASE_ONLY },
    { "shared", CS_LATENT_SHARED },       { "other", CS_LATENT_OTHER },
    { "dead", CS_LATENT_DEAD },
  };
  g_autofree char *lower = g_ascii_strdown (text, -1);
  g_strdelimit (lower, " _", '-');
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (lower, names[i].name) == 0)
      {
        *tag = names[i].tag;
        return true;
      }
  return false;
}

static void
take_tags (const Table *table)
{
  const long tags = FIND (table->csv, "tag"), dead = FIND (table->csv, "dead", "lmsys_dead");
  for (size_t r = 0; r < cs_csv_n_rows (table->csv); r++)
    {
      CsLatentRow *row = &table->latents->rows[table->latent[r]];
      CsLatentClass tag = (CsLatentClass)row->tag;
      if (tags >= 0)
        parse_tag (cs_csv_text (table->csv, r, (size_t)tags), &tag);
      if ((dead >= 0 && is_true (cs_csv_text (table->csv, r, (size_t)dead))) ||
          isnan (row->delta_norm))
        tag = CS_LATENT_DEAD;
      row->tag = (uint8_t)tag;
      row->dead = tag == CS_LATENT_DEAD;
    }
}

/* Shares may be percents; maxima have to be numbers; verdicts follow from the ν. */
static void
finish (const Table *table)
{
  bool percent = false;
  for (size_t j = 0; j < table->latents->n_latents; j++)
    percent = percent || table->latents->rows[j].template_share > 1.001f;
  for (size_t j = 0; j < table->latents->n_latents; j++)
    {
      CsLatentRow *row = &table->latents->rows[j];
      if (percent)
        row->template_share /= 100;
      if (!(row->max_act >= 0))
        row->max_act = 0;
      row->tested = isfinite (row->nu_error) && isfinite (row->nu_reconstruction);
      row->chat_specific = row->tested && row->delta_norm >= (float)CS_CHAT_LEANING &&
                           row->nu_error < (float)CS_NU_ERROR_LIMIT &&
                           row->nu_reconstruction < (float)CS_NU_RECONSTRUCTION_LIMIT;
    }
}

static bool
attach (Table *table, const char *run_folder, GError **error)
{
  g_autofree CsExampleSlot *slots =
      g_new (CsExampleSlot, table->latents->n_latents * CS_EXAMPLE_GROUPS);
  if (!read_index (table, error) || !check_norms (table, error) || !take_columns (table, error))
    return false;
  take_tags (table);
  finish (table);
  for (size_t i = 0; i < table->latents->n_latents * CS_EXAMPLE_GROUPS; i++)
    slots[i] = (CsExampleSlot){ -1, 0 };
  return cs_latents_save (table->latents, run_folder, slots, 1, error);
}

bool
cs_latents_attach_table (const char *run_folder, const char *csv_path, char **note, GError **error)
{
  g_autoptr (CsCsv) csv = cs_csv_open (csv_path, error);
  if (!csv || !cs_latents_from_weights (run_folder, error))
    return false;
  g_autoptr (CsLatents) latents = cs_latents_load (run_folder, error);
  if (!latents)
    return false;
  Table table = { .csv = csv, .path = csv_path, .latents = latents };
  const bool ok = attach (&table, run_folder, error);
  g_free (table.latent);
  if (ok && note)
    *note = g_strdup_printf (
        "%zu latents of “%s” are attached%s.", cs_csv_n_rows (csv), csv_path,
        table.reversed ? "; its dec_norm_diff counts from chat (0) to base (1) and was turned round"
                       : "");
  return ok;
}
