#include "file-row.h"

#include <glib/gi18n.h>

#include "dialogs.h"

struct _CsFileRow
{
  AdwActionRow parent;
  GtkWidget *reset;
  char *chooser, *fallback, *path;
};

G_DEFINE_FINAL_TYPE (CsFileRow, cs_file_row, ADW_TYPE_ACTION_ROW)

enum
{
  SIGNAL_FILE_CHANGED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void
show_path (CsFileRow *self)
{
  g_autofree char *name = self->path != NULL ? g_filename_display_basename (self->path) : NULL;
  g_autofree char *text = g_markup_escape_text (name != NULL ? name : self->fallback, -1);

  adw_action_row_set_subtitle (ADW_ACTION_ROW (self), text);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self), self->path);
  gtk_widget_set_visible (self->reset, self->path != NULL);
}

const char *
cs_file_row_path (CsFileRow *self)
{
  g_return_val_if_fail (CS_IS_FILE_ROW (self), NULL);
  return self->path;
}

void
cs_file_row_set_path (CsFileRow *self, const char *path)
{
  g_return_if_fail (CS_IS_FILE_ROW (self));
  if (g_strcmp0 (path, self->path) == 0)
    return;
  g_free (self->path);
  self->path = g_strdup (path);
  show_path (self);
  g_signal_emit (self, signals[SIGNAL_FILE_CHANGED], 0);
}

static void
file_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  if (path != NULL)
    cs_file_row_set_path (CS_FILE_ROW (widget), path);
}

static void
choose_cb (CsFileRow *self)
{
  cs_compat_choose (GTK_WIDGET (self), CS_CHOOSE_FILE, self->chooser, _ ("_Choose"), NULL,
                    file_chosen_cb, NULL);
}

static void
reset_cb (CsFileRow *self)
{
  cs_file_row_set_path (self, NULL);
}

static void
cs_file_row_finalize (GObject *object)
{
  CsFileRow *self = CS_FILE_ROW (object);

  g_free (self->chooser);
  g_free (self->fallback);
  g_free (self->path);
  G_OBJECT_CLASS (cs_file_row_parent_class)->finalize (object);
}

static void
cs_file_row_class_init (CsFileRowClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = cs_file_row_finalize;
  signals[SIGNAL_FILE_CHANGED] =
      g_signal_new ("file-changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                    NULL, G_TYPE_NONE, 0);
}

static void
cs_file_row_init (CsFileRow *self)
{
  self->reset = gtk_button_new_from_icon_name ("edit-undo-symbolic");
  gtk_widget_set_tooltip_text (self->reset, _ ("Back to What Suggests Itself"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->reset), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Back to What Suggests Itself"), -1);
  gtk_widget_add_css_class (self->reset, "flat");
  gtk_widget_set_valign (self->reset, GTK_ALIGN_CENTER);
  g_signal_connect_object (self->reset, "clicked", G_CALLBACK (reset_cb), self, G_CONNECT_SWAPPED);
  adw_action_row_add_suffix (ADW_ACTION_ROW (self), self->reset);
}

GtkWidget *
cs_file_row_new (const char *title, const char *chooser, const char *fallback)
{
  CsFileRow *self = g_object_new (CS_TYPE_FILE_ROW, NULL);
  GtkWidget *button = gtk_button_new_with_mnemonic (_ ("C_hoose…"));

  self->chooser = g_strdup (chooser);
  self->fallback = g_strdup (fallback);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self), title);
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, chooser,
                                  -1);
  g_signal_connect_object (button, "clicked", G_CALLBACK (choose_cb), self, G_CONNECT_SWAPPED);
  adw_action_row_add_suffix (ADW_ACTION_ROW (self), button);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (self), button);
  show_path (self);
  return GTK_WIDGET (self);
}
