/* All latents as CSV, with the names that the authors' feature_df.csv has. */
#include <math.h>

#include "errors.h"
#include "file-replace.h"
#include "latents-exchange.h"

static const char *const tag_names[] = {
  [CS_LATENT_BASE_ONLY] = "Base only", [CS_LATENT_SHARED] = "Shared",
  [CS_LATENT_CHAT_ONLY] = "Chat only", [CS_LATENT_OTHER] = "Other",
  [CS_LATENT_DEAD] = "Other", /* "dead" is a column of its own */
};

static const struct
{
  const char *name;
  size_t offset;
} columns[] = {
#define COLUMN(name, field)                                                                        \
  {                                                                                                \
    name, G_STRUCT_OFFSET (CsLatentRow, field)                                                     \
  }
  COLUMN ("delta_norm", delta_norm),
  COLUMN ("dec_base_norm", dec_base_norm),
  COLUMN ("dec_instruct_norm", dec_chat_norm),
  COLUMN ("dec_cos_sim", dec_cos_sim),
  COLUMN ("enc_cos_sim", enc_cos_sim),
  COLUMN ("freq", density),
  COLUMN ("max_act", max_act),
  COLUMN ("lmsys_ctrl_%", template_share),
  COLUMN ("beta_activation_base", beta_activation[0]),
  COLUMN ("beta_activation_chat", beta_activation[1]),
  COLUMN ("beta_activation_ratio", nu_activation),
  COLUMN ("beta_reconstruction_base", beta_reconstruction[0]),
  COLUMN ("beta_reconstruction_chat", beta_reconstruction[1]),
  COLUMN ("beta_ratio_reconstruction", nu_reconstruction),
  COLUMN ("beta_error_base", beta_error[0]),
  COLUMN ("beta_error_chat", beta_error[1]),
  COLUMN ("beta_ratio_error", nu_error),
#undef COLUMN
};

/* Enough digits to read the same number again; nothing where there is none, as pandas does. */
static void
put_number (GString *out, double value, const char *format)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  g_string_append_c (out, ',');
  if (!isnan (value))
    g_string_append (out, g_ascii_formatd (text, sizeof text, format, value));
}

static void
put_row (GString *out, const CsLatentRow *row)
{
  g_string_append_printf (out, "%u,%s,%s", row->latent, tag_names[row->tag],
                          row->dead ? "True" : "False");
  put_number (out, 1 - (double)row->delta_norm, "%.17g");
  for (size_t c = 0; c < G_N_ELEMENTS (columns); c++)
    put_number (out, (double)*(const float *)(const void *)((const char *)row + columns[c].offset),
                "%.9g");
  g_string_append_printf (out, ",%" G_GUINT64_FORMAT ",%s,%s\n", row->count_active,
                          row->tested ? "True" : "False", row->chat_specific ? "True" : "False");
}

bool
cs_latents_export_csv (const char *run_folder, const char *path, GError **error)
{
  g_autoptr (CsLatents) latents = cs_latents_load (run_folder, error);
  if (!latents)
    return false;
  g_autoptr (GString) out =
      g_string_new (",tag,dead,dec_norm_diff"); /* the first column is the index */
  for (size_t c = 0; c < G_N_ELEMENTS (columns); c++)
    g_string_append_printf (out, ",%s", columns[c].name);
  g_string_append (out, ",count_active,tested,chat_specific\n");
  for (size_t j = 0; j < latents->n_latents; j++)
    put_row (out, &latents->rows[j]);
  return cs_file_replace_contents (path, out->str, out->len, error);
}
