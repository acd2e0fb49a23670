#include "steering-basket.h"

#include <math.h>
#include <string.h>

#include <glib/gi18n.h>

#define MAX_SUGGESTIONS 40

struct _CsSteeringBasket {
  GtkBox parent;
  CsStudy *study;   /* borrowed */
  CsRun *run;
  GtkListBox *list;
  GtkWidget *placeholder;
  GtkMenuButton *add_button;
  GtkSearchEntry *search;
  GtkListBox *suggestions;
};

G_DEFINE_FINAL_TYPE (CsSteeringBasket, cs_steering_basket, GTK_TYPE_BOX)

enum { SIGNAL_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

const char *
cs_steering_basket_label (CsSteeringBasket *basket, size_t latent)
{
  const CsLabel *label = basket->study != NULL && basket->run != NULL
                           ? cs_study_label (basket->study, cs_run_name (basket->run), latent) : NULL;

  return label != NULL ? label->name : NULL;
}

static void
emit_changed (CsSteeringBasket *self)
{
  const bool empty = gtk_list_box_get_row_at_index (self->list, 0) == NULL;

  gtk_widget_set_visible (GTK_WIDGET (self->list), !empty);
  gtk_widget_set_visible (self->placeholder, empty);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

/* --- Rows --- */

CsSteeringLatentRow *
cs_steering_basket_row (CsSteeringBasket *basket, size_t latent)
{
  GtkListBoxRow *row;

  for (int i = 0; (row = gtk_list_box_get_row_at_index (basket->list, i)) != NULL; i++)
    if (cs_steering_latent_row_item (CS_STEERING_LATENT_ROW (row))->latent == latent)
      return CS_STEERING_LATENT_ROW (row);
  return NULL;
}

GArray *
cs_steering_basket_items (CsSteeringBasket *basket)
{
  GArray *items = g_array_new (FALSE, FALSE, sizeof (CsSteerItem));
  GtkListBoxRow *row;

  for (int i = 0; (row = gtk_list_box_get_row_at_index (basket->list, i)) != NULL; i++)
    g_array_append_val (items, *cs_steering_latent_row_item (CS_STEERING_LATENT_ROW (row)));
  return items;
}

static void
row_removed_cb (CsSteeringBasket *self, GtkWidget *row)
{
  gtk_list_box_remove (self->list, row);
  emit_changed (self);
}

bool
cs_steering_basket_add (CsSteeringBasket *basket, size_t latent)
{
  const CsLatents *latents = basket->run != NULL ? cs_run_latents (basket->run, NULL) : NULL;
  GtkWidget *row = GTK_WIDGET (cs_steering_basket_row (basket, latent));

  if (latents == NULL || latent >= latents->n_latents)
    return false;
  if (row == NULL)
    {
      row = cs_steering_latent_row_new (latent, latents->rows[latent].max_act, cs_steering_basket_label (basket, latent));
      g_signal_connect_object (row, "changed", G_CALLBACK (emit_changed), basket, G_CONNECT_SWAPPED);
      g_signal_connect_object (row, "removed", G_CALLBACK (row_removed_cb), basket, G_CONNECT_SWAPPED);
      gtk_list_box_append (basket->list, row);
      emit_changed (basket);
    }
  return true;
}

void
cs_steering_basket_update_labels (CsSteeringBasket *basket)
{
  GtkListBoxRow *row;

  for (int i = 0; (row = gtk_list_box_get_row_at_index (basket->list, i)) != NULL; i++)
    {
      CsSteeringLatentRow *latent_row = CS_STEERING_LATENT_ROW (row);
      size_t latent = cs_steering_latent_row_item (latent_row)->latent;

      cs_steering_latent_row_set_label (latent_row, cs_steering_basket_label (basket, latent));
    }
}

static void
clear_list (GtkListBox *list)
{
  GtkListBoxRow *row;

  while ((row = gtk_list_box_get_row_at_index (list, 0)) != NULL)
    gtk_list_box_remove (list, GTK_WIDGET (row));
}

void
cs_steering_basket_set_run (CsSteeringBasket *basket, CsStudy *study, CsRun *run)
{
  const bool same = basket->run == run && basket->study == study;

  basket->study = study;
  g_set_object (&basket->run, run);
  gtk_widget_set_sensitive (GTK_WIDGET (basket->add_button), run != NULL);
  if (same)
    return;
  clear_list (basket->list);
  emit_changed (basket);
}

/* --- Adding by number or label --- */

typedef struct {
  size_t latent;
  double rank;   /* labelled ones first, then the furthest to chat */
} Suggestion;

static int
higher_first (const void *a, const void *b)
{
  const Suggestion *x = a, *y = b;

  return x->rank != y->rank ? (x->rank > y->rank ? -1 : 1) : x->latent < y->latent ? -1 : x->latent > y->latent;
}

static bool
matches (size_t latent, const char *label, const char *folded)
{
  g_autofree char *number = g_strdup_printf ("%zu", latent);
  g_autofree char *name = label != NULL ? g_utf8_casefold (label, -1) : NULL;

  return g_str_has_prefix (number, folded) || (name != NULL && strstr (name, folded) != NULL);
}

static GArray *
find_suggestions (CsSteeringBasket *self, const char *text)
{
  const CsLatents *latents = self->run != NULL ? cs_run_latents (self->run, NULL) : NULL;
  GArray *found = g_array_new (FALSE, FALSE, sizeof (Suggestion));
  g_autofree char *folded = g_utf8_casefold (text, -1);

  for (size_t j = 0; latents != NULL && j < latents->n_latents; j++)
    {
      const CsLatentRow *row = &latents->rows[j];
      const char *label = cs_steering_basket_label (self, j);
      Suggestion suggestion = { j, isnan (row->delta_norm) ? -1 : row->delta_norm };

      if (folded[0] == '\0' ? row->dead : !matches (j, label, folded))
        continue;
      suggestion.rank += (label != NULL ? 4 : 0) + (row->chat_specific ? 2 : 0);
      g_array_append_val (found, suggestion);
    }
  g_array_sort (found, higher_first);
  g_array_set_size (found, MIN (found->len, MAX_SUGGESTIONS));
  return found;
}

static GtkWidget *
suggestion_row_new (CsSteeringBasket *self, size_t latent)
{
  const CsLatentRow *row = &cs_run_latents (self->run, NULL)->rows[latent];
  GtkWidget *list_row = gtk_list_box_row_new (), *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  g_autofree char *title = cs_steering_latent_title (latent, cs_steering_basket_label (self, latent));
  g_autofree char *delta = row->dead ? g_strdup (_("dead")) : g_strdup_printf ("Δ %.2f", row->delta_norm);
  GtkWidget *name = gtk_label_new (title), *detail = gtk_label_new (delta);

  gtk_label_set_xalign (GTK_LABEL (name), 0);
  gtk_label_set_ellipsize (GTK_LABEL (name), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (name, TRUE);
  gtk_widget_add_css_class (detail, "dim-label");
  gtk_widget_add_css_class (detail, "numeric");
  gtk_box_append (GTK_BOX (box), name);
  gtk_box_append (GTK_BOX (box), detail);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (list_row), box);
  g_object_set_data (G_OBJECT (list_row), "latent", GSIZE_TO_POINTER (latent));
  gtk_accessible_update_property (GTK_ACCESSIBLE (list_row), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  return list_row;
}

static void
search_changed_cb (CsSteeringBasket *self)
{
  g_autoptr (GArray) found = find_suggestions (self, gtk_editable_get_text (GTK_EDITABLE (self->search)));

  clear_list (self->suggestions);
  for (guint i = 0; i < found->len; i++)
    gtk_list_box_append (self->suggestions, suggestion_row_new (self, g_array_index (found, Suggestion, i).latent));
}

static void
suggestion_activated_cb (CsSteeringBasket *self, GtkListBoxRow *row)
{
  gtk_menu_button_popdown (self->add_button);
  cs_steering_basket_add (self, GPOINTER_TO_SIZE (g_object_get_data (G_OBJECT (row), "latent")));
}

static void
search_activated_cb (CsSteeringBasket *self)
{
  GtkListBoxRow *row;

  search_changed_cb (self); /* the entry waits a moment before it says so itself */
  row = gtk_list_box_get_row_at_index (self->suggestions, 0);
  if (row != NULL)
    suggestion_activated_cb (self, row);
}

static void
popover_shown_cb (CsSteeringBasket *self)
{
  gtk_editable_set_text (GTK_EDITABLE (self->search), "");
  search_changed_cb (self);
  gtk_widget_grab_focus (GTK_WIDGET (self->search));
}

/* --- Class --- */

static void
cs_steering_basket_dispose (GObject *object)
{
  CsSteeringBasket *self = CS_STEERING_BASKET (object);

  self->study = NULL;
  g_clear_object (&self->run);
  G_OBJECT_CLASS (cs_steering_basket_parent_class)->dispose (object);
}

static void
cs_steering_basket_class_init (CsSteeringBasketClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_steering_basket_dispose;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 0);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/crosscope/Crosscope/ui/steering-basket.ui");
  gtk_widget_class_bind_template_child (widget_class, CsSteeringBasket, list);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringBasket, placeholder);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringBasket, add_button);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringBasket, search);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringBasket, suggestions);
  gtk_widget_class_bind_template_callback (widget_class, search_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, suggestion_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, popover_shown_cb);
}

static void
cs_steering_basket_init (CsSteeringBasket *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
