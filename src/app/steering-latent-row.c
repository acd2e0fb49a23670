#include "steering-latent-row.h"

#include <glib/gi18n.h>

struct _CsSteeringLatentRow {
  GtkListBoxRow parent;
  CsSteerItem item;
  GtkLabel *title;
  GtkLabel *value;
  GtkScale *scale;
  GtkAdjustment *adjustment;
  GtkDropDown *mode;
  GtkDropDown *scope;
  GtkButton *remove_button;
};

G_DEFINE_FINAL_TYPE (CsSteeringLatentRow, cs_steering_latent_row, GTK_TYPE_LIST_BOX_ROW)

enum { SIGNAL_CHANGED, SIGNAL_REMOVED, N_SIGNALS };
static guint signals[N_SIGNALS];

char *
cs_steering_latent_title (size_t latent, const char *label)
{
  return label != NULL && label[0] != '\0' ? g_strdup_printf ("%zu · %s", latent, label) : g_strdup_printf (_("Latent %zu"), latent);
}

static void
show_value (CsSteeringLatentRow *self)
{
  const CsSteerItem *item = &self->item;
  g_autofree char *text = NULL;

  if (item->mode == CS_STEER_ABLATE)
    text = g_strdup (_("taken out"));
  else
    /* Translators: a multiple of the latent's maximum, and the activation that it makes */
    text = g_strdup_printf (_("%+.2f × max = %.3g"), item->scale, item->scale * item->max_act);
  gtk_label_set_text (self->value, text);
  gtk_widget_set_sensitive (GTK_WIDGET (self->scale), item->mode != CS_STEER_ABLATE);
}

static void
changed_cb (CsSteeringLatentRow *self)
{
  self->item.scale = gtk_adjustment_get_value (self->adjustment);
  self->item.mode = (CsSteerMode) gtk_drop_down_get_selected (self->mode);
  self->item.scope = (CsSteerScope) gtk_drop_down_get_selected (self->scope);
  show_value (self);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

/* Adding at every token soon breaks the text; at the prompt's alone it does not. Clamping and ablating are meant to hold
 * while the answer is written. */
static CsSteerScope
usual_scope (CsSteerMode mode)
{
  return mode == CS_STEER_ADD ? CS_STEER_PROMPT_ONLY : CS_STEER_ALL_TOKENS;
}

static void
mode_changed_cb (CsSteeringLatentRow *self)
{
  gtk_drop_down_set_selected (self->scope, usual_scope ((CsSteerMode) gtk_drop_down_get_selected (self->mode)));
  changed_cb (self);
}

static void
remove_clicked_cb (CsSteeringLatentRow *self)
{
  g_signal_emit (self, signals[SIGNAL_REMOVED], 0);
}

const CsSteerItem *
cs_steering_latent_row_item (CsSteeringLatentRow *row)
{
  return &row->item;
}

void
cs_steering_latent_row_set_scale (CsSteeringLatentRow *row, double scale)
{
  gtk_adjustment_set_value (row->adjustment, scale);
}

void
cs_steering_latent_row_set_mode (CsSteeringLatentRow *row, CsSteerMode mode)
{
  gtk_drop_down_set_selected (row->mode, mode);
}

void
cs_steering_latent_row_set_label (CsSteeringLatentRow *row, const char *label)
{
  g_autofree char *title = cs_steering_latent_title (row->item.latent, label);
  g_autofree char *slider = g_strdup_printf (_("Strength of latent %s in multiples of its maximum"), title);
  g_autofree char *remove = g_strdup_printf (_("Remove latent %s"), title);

  gtk_label_set_text (row->title, title);
  gtk_widget_set_tooltip_text (GTK_WIDGET (row->title), title);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row->scale), GTK_ACCESSIBLE_PROPERTY_LABEL, slider, -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row->remove_button), GTK_ACCESSIBLE_PROPERTY_LABEL, remove, -1);
}

static void
cs_steering_latent_row_class_init (CsSteeringLatentRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 0);
  signals[SIGNAL_REMOVED] = g_signal_new ("removed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 0);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/crosscope/Crosscope/ui/steering-latent-row.ui");
  gtk_widget_class_bind_template_child (widget_class, CsSteeringLatentRow, title);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringLatentRow, value);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringLatentRow, scale);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringLatentRow, adjustment);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringLatentRow, mode);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringLatentRow, scope);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringLatentRow, remove_button);
  gtk_widget_class_bind_template_callback (widget_class, changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, mode_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, remove_clicked_cb);
}

static void
cs_steering_latent_row_init (CsSteeringLatentRow *self)
{
  static const struct {
    double value;
    const char *text;
  } marks[] = { { -4, "<small>−4</small>" }, { -1, "<small>−1</small>" }, { 0, "<small>0</small>" },
                { 1, "<small>1</small>" },   { 4, "<small>4</small>" } };

  gtk_widget_init_template (GTK_WIDGET (self));
  for (size_t i = 0; i < G_N_ELEMENTS (marks); i++)
    gtk_scale_add_mark (self->scale, marks[i].value, GTK_POS_BOTTOM, marks[i].text);
}

GtkWidget *
cs_steering_latent_row_new (size_t latent, double max_act, const char *label)
{
  CsSteeringLatentRow *self = g_object_new (CS_TYPE_STEERING_LATENT_ROW, NULL);

  self->item = (CsSteerItem) { .latent = latent, .max_act = max_act, .scale = 1 };
  gtk_drop_down_set_selected (self->scope, usual_scope (self->item.mode));
  cs_steering_latent_row_set_label (self, label);
  show_value (self);
  return GTK_WIDGET (self);
}
