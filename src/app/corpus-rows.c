#include "corpus-rows.h"

#include <glib/gi18n.h>
#include <math.h>

#include "errors.h"
#include "feedback.h"

char *
cs_corpus_estimate (double n)
{
  double unit = n > 1000 ? pow (10, floor (log10 (n)) - 2) : 1;

  return cs_feedback_count (round (n / unit) * unit);
}

static char *
describe (const CsCorpusInfo *info, double total)
{
  g_autofree char *bytes = NULL, *documents = NULL, *tokens = NULL;
  GString *text;

  if (info == NULL)
    return g_strdup (_ ("Reading…"));
  if (info->missing)
    return g_strdup (_ ("The file is not there yet"));
  if (info->problem != NULL)
    return g_strdup (info->problem);
  bytes = cs_feedback_bytes ((double) info->bytes);
  documents = cs_feedback_count (info->n_documents);
  tokens = cs_corpus_estimate (info->n_tokens);
  text = g_string_new (NULL);
  /* Translators: kind of file, size, number of documents */
  g_string_append_printf (text, info->estimated ? _ ("%s, %s, about %s documents") : _ ("%s, %s, %s documents"),
                          info->kind, bytes, documents);
  if (isfinite (info->n_tokens))
    g_string_append_printf (text, _ (", about %s tokens"), tokens);
  if (isfinite (info->n_tokens) && total > info->n_tokens)
    g_string_append_printf (text, _ (" (%.0f %% of all)"), 100 * info->n_tokens / total);
  return g_string_free (text, FALSE);
}

GtkWidget *
cs_corpus_row_new (const char *path, const CsCorpusInfo *info, double total)
{
  GtkWidget *row = adw_action_row_new ();
  GtkWidget *remove = gtk_button_new_from_icon_name ("list-remove-symbolic");
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *title = g_markup_escape_text (name, -1);
  g_autofree char *text = describe (info, total);
  g_autofree char *subtitle = g_markup_escape_text (text, -1);
  g_autofree char *label = g_strdup_printf (_ ("Take %s off the List"), name);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  gtk_widget_set_tooltip_text (row, path);
  if (info != NULL && info->problem != NULL)
    adw_action_row_add_prefix (ADW_ACTION_ROW (row), gtk_image_new_from_icon_name ("dialog-warning-symbolic"));
  gtk_widget_add_css_class (remove, "flat");
  gtk_widget_set_valign (remove, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (remove, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (remove), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (remove), "activations.remove-corpus");
  gtk_actionable_set_action_target (GTK_ACTIONABLE (remove), "s", path);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), remove);
  return row;
}

bool
cs_corpora_find (CsStudy *study, const char *path, guint *position)
{
  const char *const *paths = cs_study_corpora (study);

  for (guint i = 0; paths[i] != NULL; i++)
    if (g_str_equal (paths[i], path))
      {
        *position = i;
        return true;
      }
  return false;
}

bool
cs_corpora_insert (CsStudy *study, guint position, const char *path, GError **error)
{
  const char *const *paths = cs_study_corpora (study);
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);
  guint there;

  if (cs_corpora_find (study, path, &there))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "%s is in the list already.", path);
      return false;
    }
  for (guint i = 0; paths[i] != NULL; i++)
    g_ptr_array_add (list, g_strdup (paths[i]));
  g_ptr_array_insert (list, (int) MIN (position, list->len), g_strdup (path));
  g_ptr_array_add (list, NULL);
  return cs_study_set_corpora (study, (const char *const *) list->pdata, error);
}

bool
cs_corpora_remove (CsStudy *study, guint position, GError **error)
{
  const char *const *paths = cs_study_corpora (study);
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; paths[i] != NULL; i++)
    if (i != position)
      g_ptr_array_add (list, g_strdup (paths[i]));
  g_ptr_array_add (list, NULL);
  return cs_study_set_corpora (study, (const char *const *) list->pdata, error);
}
