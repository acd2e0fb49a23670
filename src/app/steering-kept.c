#include "steering-kept.h"

#include <glib/gi18n.h>

#include "feedback.h"
#include "kept-steering.h"
#include "page.h"

#define WIDTH 280
#define HEIGHT 360

struct _CsSteeringKept
{
  AdwBin parent;
  GtkMenuButton *button;
  GtkStack *stack; /* "list", "none" */
  GtkListBox *list;
  GPtrArray *examples; /* CsKeptSteering: the rows, newest last */
};

G_DEFINE_FINAL_TYPE (CsSteeringKept, cs_steering_kept, ADW_TYPE_BIN)

static CsStudy *
study_of (CsSteeringKept *self)
{
  GtkWidget *page = gtk_widget_get_ancestor (GTK_WIDGET (self), CS_TYPE_PAGE);

  return page != NULL ? cs_page_study (CS_PAGE (page)) : NULL;
}

/* --- Rows --- */

static char *
describe (const CsKeptSteering *example)
{
  GString *text = g_string_new (example->run);

  for (guint i = 0; i < example->items->len; i++)
    {
      const CsSteerItem *item = &g_array_index (example->items, CsSteerItem, i);

      g_string_append (text, i == 0 ? " · " : ", ");
      if (item->mode == CS_STEER_ABLATE)
        g_string_append_printf (text, _ ("%zu ablated"), item->latent);
      else
        g_string_append_printf (text, _ ("%zu × %.2f"), item->latent, item->scale);
    }
  return g_string_free (text, false);
}

static void
remove_cb (GtkButton *button, CsSteeringKept *self)
{
  GtkWidget *row = gtk_widget_get_ancestor (GTK_WIDGET (button), GTK_TYPE_LIST_BOX_ROW);

  cs_steering_kept_remove (self, (guint)gtk_list_box_row_get_index (GTK_LIST_BOX_ROW (row)));
}

static GtkWidget *
row_new (CsSteeringKept *self, const CsKeptSteering *example)
{
  GtkWidget *row = adw_action_row_new ();
  GtkWidget *button = gtk_button_new_from_icon_name ("user-trash-symbolic");
  const char *steered = example->texts[CS_KEPT_CHAT_STEERED];
  g_autofree char *about = describe (example);
  g_autofree char *title = g_markup_escape_text (example->prompt, -1);
  g_autofree char *subtitle = g_markup_escape_text (about, -1);
  g_autofree char *name = g_strdup_printf (_ ("Remove “%s”"), example->prompt);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 2);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  gtk_widget_set_tooltip_text (row, steered);
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_tooltip_text (button, _ ("Remove from the Report"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  g_signal_connect_object (button, "clicked", G_CALLBACK (remove_cb), self, 0);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
  return row;
}

void
cs_steering_kept_update (CsSteeringKept *self)
{
  CsStudy *study;
  g_autoptr (GError) error = NULL;
  GtkWidget *row;

  g_return_if_fail (CS_IS_STEERING_KEPT (self));
  study = study_of (self);
  while ((row = gtk_widget_get_first_child (GTK_WIDGET (self->list))) != NULL)
    gtk_list_box_remove (self->list, row);
  g_clear_pointer (&self->examples, g_ptr_array_unref);
  if (study != NULL)
    self->examples = cs_kept_steering_load (cs_study_folder (study), &error);
  if (error != NULL)
    cs_feedback_error (GTK_WIDGET (self), &error);
  for (guint i = 0; self->examples != NULL && i < self->examples->len; i++)
    gtk_list_box_append (self->list, row_new (self, g_ptr_array_index (self->examples, i)));
  gtk_stack_set_visible_child_name (
      self->stack, self->examples != NULL && self->examples->len > 0 ? "list" : "none");
}

/* --- Removing --- */

typedef struct
{
  GWeakRef kept;
  CsStudy *study;
  CsKeptSteering *example;
  guint index;
} Removed;

static void
removed_free (void *data)
{
  Removed *removed = data;

  g_weak_ref_clear (&removed->kept);
  g_object_unref (removed->study);
  cs_kept_steering_free (removed->example);
  g_free (removed);
}

static void
undo (void *data)
{
  const Removed *removed = data;
  g_autoptr (CsSteeringKept) self = g_weak_ref_get ((GWeakRef *)(uintptr_t)&removed->kept);
  g_autoptr (GError) error = NULL;

  if (!cs_kept_steering_insert (cs_study_folder (removed->study), removed->index, removed->example,
                                &error) &&
      self != NULL)
    cs_feedback_error (GTK_WIDGET (self), &error);
  if (self != NULL)
    cs_steering_kept_update (self);
}

void
cs_steering_kept_remove (CsSteeringKept *self, guint index)
{
  CsStudy *study;
  Removed *removed;
  g_autoptr (GError) error = NULL;

  g_return_if_fail (CS_IS_STEERING_KEPT (self));
  study = study_of (self);
  if (study == NULL || self->examples == NULL || index >= self->examples->len)
    return;
  if (!cs_kept_steering_remove (cs_study_folder (study), index, &error))
    {
      cs_feedback_error (GTK_WIDGET (self), &error);
      return;
    }
  removed = g_new0 (Removed, 1);
  g_weak_ref_init (&removed->kept, self);
  removed->study = g_object_ref (study);
  removed->example = cs_kept_steering_copy (g_ptr_array_index (self->examples, index));
  removed->index = index;
  cs_steering_kept_update (self);
  gtk_menu_button_popdown (self->button); /* the toast would be behind it */
  cs_feedback_toast_undo (GTK_WIDGET (self), _ ("Removed from the report"), undo, removed,
                          removed_free);
}

/* --- Building --- */

static GtkWidget *
none_new (void)
{
  GtkWidget *label = gtk_label_new (_ ("Nothing is kept for the report yet"));

  gtk_widget_add_css_class (label, "dim-label");
  return label;
}

static GtkWidget *
popover_new (CsSteeringKept *self)
{
  GtkWidget *popover = gtk_popover_new (), *scroll = gtk_scrolled_window_new (),
            *clamp = adw_clamp_new ();

  self->list = GTK_LIST_BOX (gtk_list_box_new ());
  self->stack = GTK_STACK (gtk_stack_new ());
  gtk_list_box_set_selection_mode (self->list, GTK_SELECTION_NONE);
  gtk_widget_add_css_class (GTK_WIDGET (self->list), "boxed-list");
  gtk_widget_set_valign (GTK_WIDGET (self->list), GTK_ALIGN_START);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->list), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Kept for the report"), -1);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroll), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_propagate_natural_height (GTK_SCROLLED_WINDOW (scroll), true);
  gtk_scrolled_window_set_max_content_height (GTK_SCROLLED_WINDOW (scroll), HEIGHT);
  /* Not as wide as the longest prompt would like. */
  adw_clamp_set_maximum_size (ADW_CLAMP (clamp), WIDTH);
  adw_clamp_set_tightening_threshold (ADW_CLAMP (clamp), WIDTH);
  adw_clamp_set_child (ADW_CLAMP (clamp), GTK_WIDGET (self->list));
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroll), clamp);
  gtk_widget_set_size_request (scroll, WIDTH, -1);
  gtk_stack_set_vhomogeneous (self->stack, false);
  gtk_stack_set_hhomogeneous (self->stack, false);
  gtk_stack_add_named (self->stack, scroll, "list");
  gtk_stack_add_named (self->stack, none_new (), "none");
  gtk_popover_set_child (GTK_POPOVER (popover), GTK_WIDGET (self->stack));
  g_signal_connect_object (popover, "show", G_CALLBACK (cs_steering_kept_update), self,
                           G_CONNECT_SWAPPED);
  return popover;
}

static void
cs_steering_kept_dispose (GObject *object)
{
  g_clear_pointer (&CS_STEERING_KEPT (object)->examples, g_ptr_array_unref);
  G_OBJECT_CLASS (cs_steering_kept_parent_class)->dispose (object);
}

static void
cs_steering_kept_class_init (CsSteeringKeptClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_steering_kept_dispose;
}

static void
cs_steering_kept_init (CsSteeringKept *self)
{
  self->button = GTK_MENU_BUTTON (gtk_menu_button_new ());
  gtk_menu_button_set_icon_name (self->button, "user-bookmarks-symbolic");
  gtk_menu_button_set_popover (self->button, popover_new (self));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->button), _ ("Kept for the Report"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Kept for the report"), -1);
  gtk_widget_add_css_class (GTK_WIDGET (self->button), "flat");
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->button));
}
