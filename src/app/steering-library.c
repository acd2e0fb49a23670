#include "steering-library.h"

#include <string.h>

#include <glib/gi18n.h>

struct _CsSteeringLibrary {
  GtkPopover parent;
  GPtrArray *prompts;
  char *wanted;        /* casefolded */
  bool filled;         /* rows are made when it is first shown */
  GtkSearchEntry *search;
  GtkListBox *list;
};

G_DEFINE_FINAL_TYPE (CsSteeringLibrary, cs_steering_library, GTK_TYPE_POPOVER)

enum { SIGNAL_CHOSEN, N_SIGNALS };
static guint signals[N_SIGNALS];

static const CsPrompt *
row_prompt (GtkListBoxRow *row)
{
  return g_object_get_data (G_OBJECT (row), "prompt");
}

static GtkWidget *
prompt_row_new (CsPrompt *prompt)
{
  GtkWidget *row = gtk_list_box_row_new (), *label = gtk_label_new (prompt->text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_lines (GTK_LABEL (label), 2);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 40);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), label);
  g_object_set_data (G_OBJECT (row), "prompt", prompt);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_LABEL, prompt->text, -1);
  return row;
}

static void
update_header (GtkListBoxRow *row, GtkListBoxRow *before, void *data)
{
  const char *group = row_prompt (row)->group;
  GtkWidget *label;

  if (before != NULL && g_str_equal (group, row_prompt (before)->group))
    {
      gtk_list_box_row_set_header (row, NULL);
      return;
    }
  label = gtk_label_new (group[0] != '\0' ? group : _("Other"));
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_add_css_class (label, "caption-heading");
  gtk_widget_add_css_class (label, "dim-label");
  gtk_widget_set_margin_top (label, 12);
  gtk_widget_set_margin_bottom (label, 3);
  gtk_widget_set_margin_start (label, 8);
  gtk_list_box_row_set_header (row, label);
}

static gboolean
is_wanted (GtkListBoxRow *row, void *data)
{
  CsSteeringLibrary *self = data;
  g_autofree char *text = NULL, *group = NULL;

  if (self->wanted == NULL || self->wanted[0] == '\0')
    return TRUE;
  text = g_utf8_casefold (row_prompt (row)->text, -1);
  group = g_utf8_casefold (row_prompt (row)->group, -1);
  return strstr (text, self->wanted) != NULL || strstr (group, self->wanted) != NULL;
}

static void
fill (CsSteeringLibrary *self)
{
  for (guint i = 0; !self->filled && self->prompts != NULL && i < self->prompts->len; i++)
    gtk_list_box_append (self->list, prompt_row_new (g_ptr_array_index (self->prompts, i)));
  self->filled = true;
}

static void
clear (CsSteeringLibrary *self)
{
  GtkListBoxRow *row;

  while ((row = gtk_list_box_get_row_at_index (self->list, 0)) != NULL)
    gtk_list_box_remove (self->list, GTK_WIDGET (row));
  self->filled = false;
}

void
cs_steering_library_set_prompts (CsSteeringLibrary *library, GPtrArray *prompts)
{
  clear (library);
  if (prompts != NULL)
    g_ptr_array_ref (prompts);
  g_clear_pointer (&library->prompts, g_ptr_array_unref);
  library->prompts = prompts;
  if (gtk_widget_get_visible (GTK_WIDGET (library)))
    fill (library);
}

static void
search_changed_cb (CsSteeringLibrary *self)
{
  g_free (self->wanted);
  self->wanted = g_utf8_casefold (gtk_editable_get_text (GTK_EDITABLE (self->search)), -1);
  gtk_list_box_invalidate_filter (self->list);
}

static void
row_activated_cb (CsSteeringLibrary *self, GtkListBoxRow *row)
{
  gtk_popover_popdown (GTK_POPOVER (self));
  g_signal_emit (self, signals[SIGNAL_CHOSEN], 0, row_prompt (row));
}

static void
shown_cb (CsSteeringLibrary *self)
{
  fill (self);
  gtk_widget_grab_focus (GTK_WIDGET (self->search));
}

static void
cs_steering_library_dispose (GObject *object)
{
  CsSteeringLibrary *self = CS_STEERING_LIBRARY (object);

  if (self->list != NULL && self->prompts != NULL)
    clear (self);
  g_clear_pointer (&self->prompts, g_ptr_array_unref);
  g_clear_pointer (&self->wanted, g_free);
  G_OBJECT_CLASS (cs_steering_library_parent_class)->dispose (object);
}

static void
cs_steering_library_class_init (CsSteeringLibraryClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_steering_library_dispose;
  signals[SIGNAL_CHOSEN] = g_signal_new ("chosen", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 1, G_TYPE_POINTER);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/crosscope/Crosscope/ui/steering-library.ui");
  gtk_widget_class_bind_template_child (widget_class, CsSteeringLibrary, search);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringLibrary, list);
  gtk_widget_class_bind_template_callback (widget_class, search_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, row_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, shown_cb);
}

static void
cs_steering_library_init (CsSteeringLibrary *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_list_box_set_header_func (self->list, update_header, NULL, NULL);
  gtk_list_box_set_filter_func (self->list, is_wanted, self, NULL);
}
