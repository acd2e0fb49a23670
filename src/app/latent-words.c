#include "latent-words.h"

#include <math.h>

#include <adwaita.h>
#include <glib/gi18n.h>

#include "latent-shares.h"

const char *
cs_latent_column_title (CsLatentColumn column)
{
  switch (column)
    {
    case CS_LATENT_COLUMN_ID:
      return _ ("Latent");
    case CS_LATENT_COLUMN_CLASS:
      return _ ("Class");
    case CS_LATENT_COLUMN_DELTA_NORM:
      return "Δ_norm";
    case CS_LATENT_COLUMN_NU_ERROR:
      return "ν^ε";
    case CS_LATENT_COLUMN_NU_RECONSTRUCTION:
      return "ν^r";
    case CS_LATENT_COLUMN_VERDICT:
      return _ ("Latent Scaling");
    case CS_LATENT_COLUMN_COSINE:
      return _ ("Cosine");
    case CS_LATENT_COLUMN_DENSITY:
      return _ ("Density");
    case CS_LATENT_COLUMN_MAX_ACT:
      return _ ("Max");
    case CS_LATENT_COLUMN_COUNT_ACTIVE:
      return _ ("Active");
    case CS_LATENT_COLUMN_TEMPLATE_SHARE:
      return _ ("Template");
    case CS_LATENT_COLUMN_FIRING:
      return _ ("On the Text");
    default:
      return cs_latent_column_is_share (column) ? cs_latent_share_name (column - CS_LATENT_COLUMN_SHARE)
                               : _ ("Label");
    }
}

const char *
cs_latent_column_key (CsLatentColumn column)
{
  static const char *const keys[CS_LATENT_N_COLUMNS] = {
    [CS_LATENT_COLUMN_ID] = "latent",
    [CS_LATENT_COLUMN_CLASS] = "class",
    [CS_LATENT_COLUMN_DELTA_NORM] = "delta_norm",
    [CS_LATENT_COLUMN_NU_ERROR] = "nu_error",
    [CS_LATENT_COLUMN_NU_RECONSTRUCTION] = "nu_reconstruction",
    [CS_LATENT_COLUMN_VERDICT] = "chat_specific",
    [CS_LATENT_COLUMN_COSINE] = "dec_cos_sim",
    [CS_LATENT_COLUMN_DENSITY] = "density",
    [CS_LATENT_COLUMN_MAX_ACT] = "max_act",
    [CS_LATENT_COLUMN_COUNT_ACTIVE] = "count_active",
    [CS_LATENT_COLUMN_TEMPLATE_SHARE] = "template_share",
    [CS_LATENT_COLUMN_SHARE + CS_LATENT_SHARE_TEXT] = "share_text",
    [CS_LATENT_COLUMN_SHARE + CS_LATENT_SHARE_USER] = "share_user",
    [CS_LATENT_COLUMN_SHARE + CS_LATENT_SHARE_MODEL] = "share_model",
    [CS_LATENT_COLUMN_SHARE + CS_LATENT_SHARE_MARKERS] = "share_markers",
    [CS_LATENT_COLUMN_SHARE + CS_LATENT_SHARE_ROLE] = "share_role",
    [CS_LATENT_COLUMN_SHARE + CS_LATENT_SHARE_NEWLINE] = "share_newline",
    [CS_LATENT_COLUMN_SHARE + CS_LATENT_SHARE_BOS] = "share_bos",
    [CS_LATENT_COLUMN_LABEL] = "label",
    [CS_LATENT_COLUMN_FIRING] = "firing",
  };

  return keys[column];
}

const char *
cs_latent_column_meaning (CsLatentColumn column)
{
  switch (column)
    {
    case CS_LATENT_COLUMN_ID:
      return _ ("Number of the latent");
    case CS_LATENT_COLUMN_CLASS:
      return _ ("Class by Δ_norm");
    case CS_LATENT_COLUMN_DELTA_NORM:
      return _ ("Relative difference of the decoder norms: 0 base, 1 chat");
    case CS_LATENT_COLUMN_NU_ERROR:
      return _ ("How much of the latent is in the error of base (Complete Shrinkage where high)");
    case CS_LATENT_COLUMN_NU_RECONSTRUCTION:
      return _ ("How much of the latent others rebuild in base (Latent Decoupling where high)");
    case CS_LATENT_COLUMN_VERDICT:
      return _ ("Chat-specific by Latent Scaling: ν^ε < 0.2 and ν^r < 0.5");
    case CS_LATENT_COLUMN_COSINE:
      return _ ("Cosine of the two decoder rows");
    case CS_LATENT_COLUMN_DENSITY:
      return _ ("Share of tokens on which it is active");
    case CS_LATENT_COLUMN_MAX_ACT:
      return _ ("Largest activation");
    case CS_LATENT_COLUMN_COUNT_ACTIVE:
      return _ ("Tokens on which it is active");
    case CS_LATENT_COLUMN_TEMPLATE_SHARE:
      return _ ("Share of its active tokens that are the chat template's");
    case CS_LATENT_COLUMN_FIRING:
      return _ ("How strongly it fires on the text that is searched by");
    default:
      return cs_latent_column_is_share (column) ? cs_latent_share_meaning (column - CS_LATENT_COLUMN_SHARE)
                               : _ ("Your name for it, and bookmark");
    }
}

static char *
number (double value, const char *format)
{
  char text[64];

  if (!isfinite (value))
    return g_strdup ("–");
  g_ascii_formatd (text, sizeof text, format, value == 0 ? 0 : value);
  return text[0] == '-' ? g_strconcat ("−", text + 1, NULL) : g_strdup (text);
}

char *
cs_latent_number (double value)
{
  return number (value, fabs (value) >= 100 ? "%.0f" : fabs (value) >= 10 ? "%.1f" : "%.2f");
}

static char *
percent (double value)
{
  double p = 100 * value;
  g_autofree char *text = number (p, p >= 10 ? "%.0f" : p >= 0.1 ? "%.1f" : "%.2g");

  return isfinite (value) ? g_strdup_printf (_ ("%s %%"), text) : g_steal_pointer (&text);
}

char *
cs_latent_column_text (const CsLatentRow *row, CsLatentColumn column)
{
  double value = cs_latent_column_value (row, column);

  switch (column)
    {
    case CS_LATENT_COLUMN_ID:
      return number (value, "%.0f");
    case CS_LATENT_COLUMN_CLASS:
      return g_strdup (cs_latent_class_word (row));
    case CS_LATENT_COLUMN_VERDICT:
      return g_strdup (cs_latent_verdict_word (row));
    case CS_LATENT_COLUMN_DELTA_NORM:
      return number (value, "%.3f");
    case CS_LATENT_COLUMN_NU_ERROR:
    case CS_LATENT_COLUMN_NU_RECONSTRUCTION:
    case CS_LATENT_COLUMN_COSINE:
      return number (value, "%.2f");
    case CS_LATENT_COLUMN_DENSITY:
    case CS_LATENT_COLUMN_TEMPLATE_SHARE:
      return percent (value);
    case CS_LATENT_COLUMN_MAX_ACT:
      return number (value, fabs (value) >= 100 ? "%.0f" : "%.1f");
    case CS_LATENT_COLUMN_COUNT_ACTIVE:
      return g_strdup_printf ("%'" G_GUINT64_FORMAT, row->count_active);
    default:
      return cs_latent_column_is_share (column) ? percent (value) : g_strdup ("");
    }
}

const char *
cs_latent_class_word (const CsLatentRow *row)
{
  if (row->dead)
    return _ ("dead");
  switch (row->tag)
    {
    case CS_LATENT_BASE_ONLY:
      return cs_plot_class_name (CS_PLOT_CLASS_BASE_ONLY);
    case CS_LATENT_SHARED:
      return cs_plot_class_name (CS_PLOT_CLASS_SHARED);
    case CS_LATENT_CHAT_ONLY:
      return cs_plot_class_name (CS_PLOT_CLASS_CHAT_ONLY);
    default:
      return cs_plot_class_name (CS_PLOT_CLASS_OTHER);
    }
}

CsPlotClass
cs_latent_plot_class (const CsLatentRow *row)
{
  if (row->tested && row->chat_specific)
    return CS_PLOT_CLASS_CHAT_SPECIFIC;
  switch (row->tag)
    {
    case CS_LATENT_BASE_ONLY:
      return CS_PLOT_CLASS_BASE_ONLY;
    case CS_LATENT_SHARED:
      return CS_PLOT_CLASS_SHARED;
    case CS_LATENT_CHAT_ONLY:
      return CS_PLOT_CLASS_CHAT_ONLY;
    default:
      return CS_PLOT_CLASS_OTHER;
    }
}

void
cs_latent_color_label (GtkLabel *label, CsPlotClass klass)
{
  bool dark = adw_style_manager_get_dark (adw_style_manager_get_default ());
  const CsPlotTheme *theme = dark ? cs_plot_theme_dark () : cs_plot_theme_light ();
  CsPlotColor c = theme->classes[MIN (klass, CS_PLOT_CLASS_PLAIN)];
  g_autoptr (PangoAttrList) list = pango_attr_list_new ();

  pango_attr_list_insert (list, pango_attr_foreground_new ((guint16) (c.red * G_MAXUINT16),
                                                           (guint16) (c.green * G_MAXUINT16),
                                                           (guint16) (c.blue * G_MAXUINT16)));
  gtk_label_set_attributes (label, list);
}

const char *
cs_latent_verdict_word (const CsLatentRow *row)
{
  if (!row->tested)
    return _ ("not tested");
  return row->chat_specific ? _ ("chat-specific") : _ ("not chat-specific");
}

static char *
failed_reason (const CsLatentRow *row)
{
  g_autofree char *error = number (row->nu_error, "%.2f");
  g_autofree char *rebuilt = number (row->nu_reconstruction, "%.2f");
  bool shrunk = row->nu_error >= CS_NU_ERROR_LIMIT;
  bool decoupled = row->nu_reconstruction >= CS_NU_RECONSTRUCTION_LIMIT;

  if (shrunk && decoupled)
    return g_strdup_printf (_ ("Not chat-specific: ν^ε %s ≥ 0.2 (base has it too, in what the "
                               "crosscoder leaves over: Complete Shrinkage) and ν^r %s ≥ 0.5 "
                               "(other latents rebuild it in base: Latent Decoupling)"),
                            error, rebuilt);
  if (shrunk)
    return g_strdup_printf (_ ("Not chat-specific: ν^ε %s ≥ 0.2 (base has it too, in what the "
                               "crosscoder leaves over: Complete Shrinkage)"),
                            error);
  if (decoupled)
    return g_strdup_printf (_ ("Not chat-specific: ν^r %s ≥ 0.5 (other latents rebuild it in base: "
                               "Latent Decoupling)"),
                            rebuilt);
  if (row->delta_norm < CS_CHAT_LEANING)
    return g_strdup_printf (_ ("Not chat-specific: it does not lean to chat (Δ_norm below %.1f)"),
                            CS_CHAT_LEANING);
  return g_strdup (_ ("Not chat-specific: nothing of it was found in chat to compare with"));
}

char *
cs_latent_verdict_reason (const CsLatentRow *row)
{
  g_autofree char *error = NULL, *rebuilt = NULL;

  if (row->dead)
    return g_strdup (_ ("Dead: it was hardly ever active in the tokens that were analysed"));
  if (!row->tested)
    return g_strdup (
        _ ("Not tested: Latent Scaling covers the latents that lean furthest to either side"));
  if (!row->chat_specific)
    return failed_reason (row);
  error = number (row->nu_error, "%.2f");
  rebuilt = number (row->nu_reconstruction, "%.2f");
  return g_strdup_printf (_ ("ν^ε %s < 0.2 and ν^r %s < 0.5: chat-specific"), error, rebuilt);
}

char *
cs_latent_as_text (const CsLatentRow *row, const CsLabel *label, const char *run_name)
{
  GString *text = g_string_new (NULL);
  g_autofree char *reason = cs_latent_verdict_reason (row);

  g_string_append_printf (text, _ ("Latent %u of %s"), row->latent, run_name);
  if (label != NULL && label->name != NULL)
    g_string_append_printf (text, ": %s", label->name);
  g_string_append_c (text, '\n');
  if (label != NULL && label->note != NULL)
    g_string_append_printf (text, "%s\n", label->note);
  if (label != NULL && label->suggestion != NULL)
    g_string_append_printf (text, _ ("Suggested by %s: %s\n"), label->suggestion->model,
                            label->suggestion->text);
  g_string_append_printf (text, "%s\n", reason);
  for (CsLatentColumn c = CS_LATENT_COLUMN_CLASS; c < CS_LATENT_COLUMN_LABEL; c++)
    {
      g_autofree char *value = cs_latent_column_text (row, c);
      g_string_append_printf (text, "%s: %s\n", cs_latent_column_title (c), value);
    }
  return g_string_free (text, FALSE);
}

/* --- CSV --- */

static void
append_number (GString *csv, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_c (csv, ',');
  if (isfinite (value))
    g_string_append (csv, g_ascii_formatd (text, sizeof text, "%.7g", value));
}

/* A spreadsheet would run a cell that begins like a formula. */
static void
append_words (GString *csv, const char *words)
{
  g_string_append_c (csv, ',');
  if (words == NULL || *words == '\0')
    return;
  g_string_append_c (csv, '"');
  if (strchr ("=+-@\t\r", *words) != NULL)
    g_string_append_c (csv, '\'');
  for (const char *p = words; *p != '\0'; p++)
    {
      if (*p == '"')
        g_string_append_c (csv, '"');
      g_string_append_c (csv, *p);
    }
  g_string_append_c (csv, '"');
}

static void
append_row (GString *csv, const CsLatentRow *r, const CsLabel *label)
{
  g_autofree char *lists = NULL;

  g_string_append_printf (csv, "%u,%s,%d,%d,%d", r->latent, cs_latent_class_name (r->tag),
                          r->dead != 0, r->tested != 0, r->chat_specific != 0);
  append_number (csv, r->delta_norm);
  append_number (csv, r->dec_base_norm);
  append_number (csv, r->dec_chat_norm);
  append_number (csv, r->dec_cos_sim);
  append_number (csv, r->enc_cos_sim);
  append_number (csv, r->density);
  append_number (csv, r->max_act);
  g_string_append_printf (csv, ",%" G_GUINT64_FORMAT, r->count_active);
  for (size_t m = 0; m < 2; m++)
    {
      append_number (csv, r->beta_activation[m]);
      append_number (csv, r->beta_reconstruction[m]);
      append_number (csv, r->beta_error[m]);
    }
  append_number (csv, r->nu_activation);
  append_number (csv, r->nu_reconstruction);
  append_number (csv, r->nu_error);
  append_number (csv, r->template_share);
  for (size_t field = CS_LATENTS_N_FIRST_FIELDS; field < cs_latents_n_fields (); field++)
    append_number (csv, cs_latents_field_value (r, field));
  append_words (csv, label != NULL ? label->name : NULL);
  append_words (csv, label != NULL ? label->note : NULL);
  g_string_append_printf (csv, ",%d", label != NULL && label->bookmarked);
  lists = label != NULL && label->lists != NULL ? g_strjoinv (";", label->lists) : NULL;
  append_words (csv, lists);
  append_words (csv, label != NULL && label->suggestion != NULL ? label->suggestion->text : NULL);
  g_string_append_c (csv, '\n');
}

GString *
cs_latents_as_csv (CsLatentList *list)
{
  GString *csv = g_string_new (
      "latent,tag,dead,tested,chat_specific,delta_norm,dec_base_norm,dec_chat_norm,dec_cos_sim,"
      "enc_cos_sim,density,max_act,count_active,beta_activation_base,beta_reconstruction_base,"
      "beta_error_base,beta_activation_chat,beta_reconstruction_chat,beta_error_chat,"
      "nu_activation,nu_reconstruction,nu_error,template_share");
  guint n = g_list_model_get_n_items (G_LIST_MODEL (list));

  for (size_t field = CS_LATENTS_N_FIRST_FIELDS; field < cs_latents_n_fields (); field++)
    g_string_append_printf (csv, ",%s", cs_latents_field_name (field));
  g_string_append (csv, ",label,note,bookmarked,lists,suggestion\n");
  for (guint i = 0; i < n; i++)
    {
      size_t latent = cs_latent_list_at (list, i);
      append_row (csv, cs_latent_list_row (list, latent), cs_latent_list_label (list, latent));
    }
  return csv;
}
