#include "latent-header.h"

#include <glib/gi18n.h>

struct _CsLatentHeader
{
  GtkBox parent;
  GtkDropDown *run_chooser;
  GtkToggleButton *search_button;
  GtkMenuButton *filter_button;
  GtkCheckButton *base_only, *shared, *chat_only, *other;
  GtkCheckButton *chat_specific, *tested, *bookmarked, *hide_dead;
  GtkDropDown *list_chooser;
  bool resetting;
};

G_DEFINE_FINAL_TYPE (CsLatentHeader, cs_latent_header, GTK_TYPE_BOX)

enum
{
  SIGNAL_RUN_CHANGED,
  SIGNAL_FILTER_CHANGED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void
run_selected_cb (CsLatentHeader *self)
{
  gtk_widget_set_visible (GTK_WIDGET (self->run_chooser),
                          gtk_drop_down_get_selected_item (self->run_chooser) != NULL);
  g_signal_emit (self, signals[SIGNAL_RUN_CHANGED], 0);
}

/* NULL for any. */
static const char *
chosen_list (CsLatentHeader *self)
{
  GtkStringObject *item = gtk_drop_down_get_selected_item (self->list_chooser);

  return item != NULL && gtk_drop_down_get_selected (self->list_chooser) > 0
             ? gtk_string_object_get_string (item)
             : NULL;
}

/* The button shows that something is left out. */
static void
show_filtered (CsLatentHeader *self)
{
  CsLatentFilter filter = CS_LATENT_FILTER_DEFAULT;
  bool on;

  cs_latent_header_apply (self, &filter);
  on = filter.classes != 0xf || filter.chat_specific || filter.tested || filter.bookmarked ||
       !filter.hide_dead || filter.list != NULL;
  if (on)
    gtk_widget_add_css_class (GTK_WIDGET (self->filter_button), "accent");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->filter_button), "accent");
}

static void
filter_toggled_cb (CsLatentHeader *self)
{
  if (self->resetting)
    return;
  show_filtered (self);
  g_signal_emit (self, signals[SIGNAL_FILTER_CHANGED], 0);
}

void
cs_latent_header_reset (CsLatentHeader *self)
{
  GtkCheckButton *on[] = { self->base_only, self->shared, self->chat_only, self->other,
                           self->hide_dead };
  GtkCheckButton *off[] = { self->chat_specific, self->tested, self->bookmarked };

  g_return_if_fail (CS_IS_LATENT_HEADER (self));
  self->resetting = true;
  for (size_t i = 0; i < G_N_ELEMENTS (on); i++)
    gtk_check_button_set_active (on[i], TRUE);
  for (size_t i = 0; i < G_N_ELEMENTS (off); i++)
    gtk_check_button_set_active (off[i], FALSE);
  gtk_drop_down_set_selected (self->list_chooser, 0);
  self->resetting = false;
  filter_toggled_cb (self);
}

static void
reset_clicked_cb (CsLatentHeader *self)
{
  cs_latent_header_reset (self);
}

void
cs_latent_header_apply (CsLatentHeader *self, CsLatentFilter *filter)
{
  g_return_if_fail (CS_IS_LATENT_HEADER (self));
  filter->classes =
      (gtk_check_button_get_active (self->base_only) ? 1u << CS_LATENT_BASE_ONLY : 0) |
      (gtk_check_button_get_active (self->shared) ? 1u << CS_LATENT_SHARED : 0) |
      (gtk_check_button_get_active (self->chat_only) ? 1u << CS_LATENT_CHAT_ONLY : 0) |
      (gtk_check_button_get_active (self->other) ? 1u << CS_LATENT_OTHER : 0);
  filter->chat_specific = gtk_check_button_get_active (self->chat_specific);
  filter->tested = gtk_check_button_get_active (self->tested);
  filter->bookmarked = gtk_check_button_get_active (self->bookmarked);
  filter->hide_dead = gtk_check_button_get_active (self->hide_dead);
  filter->list = (char *)(intptr_t)chosen_list (self);
}

void
cs_latent_header_set_lists (CsLatentHeader *self, const char *const *names)
{
  GtkStringList *list = gtk_string_list_new (NULL);
  g_autofree char *before = NULL;
  guint selected = 0;

  g_return_if_fail (CS_IS_LATENT_HEADER (self));
  before = g_strdup (chosen_list (self));
  gtk_string_list_append (list, _ ("Any List"));
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      gtk_string_list_append (list, names[i]);
      if (g_strcmp0 (names[i], before) == 0)
        selected = i + 1;
    }
  self->resetting = true;
  gtk_drop_down_set_model (self->list_chooser, G_LIST_MODEL (list));
  gtk_drop_down_set_selected (self->list_chooser, selected);
  gtk_widget_set_visible (GTK_WIDGET (self->list_chooser), names != NULL && names[0] != NULL);
  self->resetting = false;
  if (before != NULL && selected == 0)
    filter_toggled_cb (self); /* the list is gone */
  g_object_unref (list);
}

void
cs_latent_header_set_runs (CsLatentHeader *self, GListModel *runs)
{
  g_return_if_fail (CS_IS_LATENT_HEADER (self));
  gtk_drop_down_set_model (self->run_chooser, runs);
}

CsRun *
cs_latent_header_run (CsLatentHeader *self)
{
  g_return_val_if_fail (CS_IS_LATENT_HEADER (self), NULL);
  return gtk_drop_down_get_selected_item (self->run_chooser);
}

void
cs_latent_header_choose (CsLatentHeader *self, CsRun *run)
{
  GListModel *runs = gtk_drop_down_get_model (self->run_chooser);
  guint n = runs != NULL ? g_list_model_get_n_items (runs) : 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CsRun) at = g_list_model_get_item (runs, i);
      if (at == run)
        gtk_drop_down_set_selected (self->run_chooser, i);
    }
}

void
cs_latent_header_set_has_latents (CsLatentHeader *self, bool has_latents)
{
  g_return_if_fail (CS_IS_LATENT_HEADER (self));
  gtk_widget_set_visible (GTK_WIDGET (self->search_button), has_latents);
  gtk_widget_set_visible (GTK_WIDGET (self->filter_button), has_latents);
}

GtkWidget *
cs_latent_header_search_button (CsLatentHeader *self)
{
  g_return_val_if_fail (CS_IS_LATENT_HEADER (self), NULL);
  return GTK_WIDGET (self->search_button);
}

static char *
run_name (CsRun *run, void *data)
{
  return run != NULL ? g_strdup (cs_run_name (run)) : NULL;
}

static void
cs_latent_header_dispose (GObject *object)
{
  gtk_widget_dispose_template (GTK_WIDGET (object), CS_TYPE_LATENT_HEADER);
  G_OBJECT_CLASS (cs_latent_header_parent_class)->dispose (object);
}

static void
cs_latent_header_class_init (CsLatentHeaderClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  const char *names[N_SIGNALS] = { "run-changed", "filter-changed" };

  G_OBJECT_CLASS (klass)->dispose = cs_latent_header_dispose;
  for (size_t i = 0; i < N_SIGNALS; i++)
    signals[i] = g_signal_new (names[i], G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                               NULL, NULL, G_TYPE_NONE, 0);
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/crosscope/Crosscope/ui/latent-header.ui");
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, run_chooser);
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, search_button);
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, filter_button);
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, base_only);
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, shared);
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, chat_only);
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, other);
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, chat_specific);
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, tested);
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, bookmarked);
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, hide_dead);
  gtk_widget_class_bind_template_child (widget_class, CsLatentHeader, list_chooser);
  gtk_widget_class_bind_template_callback (widget_class, run_selected_cb);
  gtk_widget_class_bind_template_callback (widget_class, filter_toggled_cb);
  gtk_widget_class_bind_template_callback (widget_class, reset_clicked_cb);
}

static void
cs_latent_header_init (CsLatentHeader *self)
{
  g_autoptr (GtkExpression) name = NULL;

  gtk_widget_init_template (GTK_WIDGET (self));
  name = gtk_cclosure_expression_new (G_TYPE_STRING, NULL, 0, NULL, G_CALLBACK (run_name), NULL,
                                      NULL);
  gtk_drop_down_set_expression (self->run_chooser, name);
  cs_latent_header_set_has_latents (self, false);
}

GtkWidget *
cs_latent_header_new (void)
{
  return g_object_new (CS_TYPE_LATENT_HEADER, NULL);
}
