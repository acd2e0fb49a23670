/* Actions, keys and history of the Latents page. */
#include <glib/gi18n.h>

#include "describe-window.h"
#include "dialogs.h"
#include "feedback.h"
#include "file-replace.h"
#include "latent-words.h"
#include "latents-page-private.h"

#define HISTORY_MAX 200

/* --- History --- */

void
cs_latents_page_forget_history (CsLatentsPage *self)
{
  g_array_set_size (self->history, 0);
  self->history_at = 0;
}

void
cs_latents_page_remember (CsLatentsPage *self, size_t latent)
{
  if (self->moving)
    return;
  g_array_set_size (self->history, self->history_at);
  if (self->history->len == HISTORY_MAX)
    g_array_remove_index (self->history, 0);
  g_array_append_val (self->history, latent);
  self->history_at = self->history->len;
}

static void
go (CsLatentsPage *self, int step)
{
  gint64 at = (gint64)self->history_at + step;

  if (at < 1 || at > self->history->len)
    return;
  self->history_at = (guint)at;
  self->moving = true;
  cs_latents_page_select (self, g_array_index (self->history, size_t, at - 1), true);
  self->moving = false;
  cs_latents_page_update_actions (self);
}

/* --- Labels --- */

void
cs_latents_page_load_labels (CsLatentsPage *self)
{
  CsStudy *study = cs_page_study (CS_PAGE (self));
  g_auto (GStrv) lists = NULL;

  if (self->shown_run == NULL)
    return;
  lists = cs_study_list_names (study, cs_run_name (self->shown_run));
  cs_latent_list_load_labels (self->list, study, cs_run_name (self->shown_run));
  cs_latent_header_set_lists (self->header, (const char *const *)lists);
}

/* --- Actions --- */

static void
history_back_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  go (CS_LATENTS_PAGE (widget), -1);
}

static void
history_forward_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  go (CS_LATENTS_PAGE (widget), 1);
}

static void
show_table_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  adw_leaflet_navigate (CS_LATENTS_PAGE (widget)->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
}

static void
bookmark_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  cs_latent_detail_toggle_bookmark (CS_LATENTS_PAGE (widget)->detail);
}

static void
copy_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  g_autofree char *text = cs_latent_detail_as_text (CS_LATENTS_PAGE (widget)->detail);

  gdk_clipboard_set_text (gtk_widget_get_clipboard (widget), text);
  cs_feedback_toast (widget, _ ("Copied"));
}

static void
steer_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  CsLatentsPage *self = CS_LATENTS_PAGE (widget);
  gssize latent = cs_latent_list_selected (self->list);

  if (latent >= 0 && self->shown_run != NULL)
    gtk_widget_activate_action (widget, "win.steer-latent", "(su)", cs_run_name (self->shown_run),
                                (guint)latent);
}

static void
describe_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  CsLatentsPage *self = CS_LATENTS_PAGE (widget);

  if (self->shown_run != NULL)
    cs_describe_window_present (widget, cs_page_study (CS_PAGE (self)), self->shown_run, self->list);
}

static void
export_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  CsLatentsPage *self = CS_LATENTS_PAGE (widget);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  GString *csv;

  if (path == NULL)
    return;
  csv = cs_latents_as_csv (self->list);
  text = g_strdup_printf (_ ("Saved %'u latents"),
                          g_list_model_get_n_items (G_LIST_MODEL (self->list)));
  if (cs_file_replace_contents (path, csv->str, csv->len, &error))
    cs_feedback_toast (widget, text);
  else
    cs_feedback_error (widget, &error);
  g_string_free (csv, TRUE);
}

static void
export_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  CsLatentsPage *self = CS_LATENTS_PAGE (widget);
  g_autofree char *suggested = NULL;

  if (self->shown_run == NULL)
    return;
  suggested = g_strdup_printf ("%s-latents.csv", cs_run_name (self->shown_run));
  cs_compat_choose (widget, CS_CHOOSE_SAVE, _ ("Save the Table"), _ ("_Save"), suggested,
                    export_chosen_cb, NULL);
}

static void
find_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  CsLatentsPage *self = CS_LATENTS_PAGE (widget);

  if (self->shown_run == NULL)
    return;
  if (adw_leaflet_get_folded (self->leaflet))
    adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
  gtk_search_bar_set_search_mode (self->search_bar, TRUE);
  gtk_widget_grab_focus (GTK_WIDGET (self->search_entry));
}

/* The next latent shown after the selected one, or the first. */
static void
step_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  CsLatentsPage *self = CS_LATENTS_PAGE (widget);
  gint64 n = g_list_model_get_n_items (G_LIST_MODEL (self->list));
  gssize selected = cs_latent_list_selected (self->list);
  gint64 at = selected >= 0 ? cs_latent_list_position (self->list, (size_t)selected) : -1;

  if (n == 0)
    return;
  at = at < 0 ? 0 : CLAMP (at + g_variant_get_int32 (parameter), 0, n - 1);
  cs_latents_page_select (self, cs_latent_list_at (self->list, (guint)at), true);
}

void
cs_latents_page_install_actions (GtkWidgetClass *klass)
{
  gtk_widget_class_install_action (klass, "latents.history-back", NULL, history_back_action);
  gtk_widget_class_install_action (klass, "latents.history-forward", NULL, history_forward_action);
  gtk_widget_class_install_action (klass, "latents.show-table", NULL, show_table_action);
  gtk_widget_class_install_action (klass, "latents.bookmark", NULL, bookmark_action);
  gtk_widget_class_install_action (klass, "latents.copy", NULL, copy_action);
  gtk_widget_class_install_action (klass, "latents.steer", NULL, steer_action);
  gtk_widget_class_install_action (klass, "latents.export", NULL, export_action);
  gtk_widget_class_install_action (klass, "latents.describe", NULL, describe_action);
  gtk_widget_class_install_action (klass, "latents.find", NULL, find_action);
  gtk_widget_class_install_action (klass, "latents.step", "i", step_action);
  /* While the focus is within the page; entries keep their letters. */
  gtk_widget_class_add_binding_action (klass, GDK_KEY_j, 0, "latents.step", "i", 1);
  gtk_widget_class_add_binding_action (klass, GDK_KEY_k, 0, "latents.step", "i", -1);
}

void
cs_latents_page_update_actions (CsLatentsPage *self)
{
  GtkWidget *widget = GTK_WIDGET (self);
  bool selected = cs_latent_list_selected (self->list) >= 0;

  gtk_widget_action_set_enabled (widget, "latents.history-back", self->history_at > 1);
  gtk_widget_action_set_enabled (widget, "latents.history-forward",
                                 self->history_at < self->history->len);
  gtk_widget_action_set_enabled (widget, "latents.bookmark", selected);
  gtk_widget_action_set_enabled (widget, "latents.copy", selected);
  gtk_widget_action_set_enabled (widget, "latents.steer", selected);
  if (self->exchange != NULL)
    g_simple_action_set_enabled (G_SIMPLE_ACTION (g_action_map_lookup_action (self->exchange, "export-vector")),
                                 selected);
}

/* --- Keys that work wherever the focus is while the page is shown --- */

static gboolean
shortcut_cb (GtkWidget *widget, GVariant *args, void *data)
{
  const char *const *action = data;

  return gtk_widget_get_mapped (widget) &&
         gtk_widget_activate_action_variant (widget, *action, NULL);
}

void
cs_latents_page_add_shortcuts (CsLatentsPage *self)
{
  static struct
  {
    const char *action, *key;
  } keys[] = {
    { "latents.find", "<Control>f" },
    { "latents.bookmark", "<Control>d" },
    { "latents.history-back", "<Alt>Left" },
    { "latents.history-forward", "<Alt>Right" },
  };
  GtkEventController *controller = gtk_shortcut_controller_new ();

  gtk_shortcut_controller_set_scope (GTK_SHORTCUT_CONTROLLER (controller),
                                     GTK_SHORTCUT_SCOPE_GLOBAL);
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    gtk_shortcut_controller_add_shortcut (
        GTK_SHORTCUT_CONTROLLER (controller),
        gtk_shortcut_new (gtk_shortcut_trigger_parse_string (keys[i].key),
                          gtk_callback_action_new (shortcut_cb, &keys[i].action, NULL)));
  gtk_widget_add_controller (GTK_WIDGET (self), controller);
}
