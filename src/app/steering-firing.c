#include "steering-firing.h"

#include <math.h>

#include <glib/gi18n.h>

#define MAX_ROWS 60

struct _CsSteeringFiring {
  GtkPopover parent;
  CsSteeringBasket *basket;   /* borrowed */
  CsRun *run;
  GArray *firing;
  guint generation;           /* of the last question: older answers are dropped */
  GtkLabel *title;
  GtkDropDown *rank;
  GtkStack *stack;
  GtkLabel *message;
  GtkListBox *list;
};

G_DEFINE_FINAL_TYPE (CsSteeringFiring, cs_steering_firing, GTK_TYPE_POPOVER)

enum { SIGNAL_ADD, SIGNAL_READY, N_SIGNALS };
static guint signals[N_SIGNALS];

/* --- On the thread --- */

typedef struct {
  CsSteeringEngine *engine;
  CsSteeringText *text;
  char *run_folder;
  size_t layer, index;
  guint generation;
} Question;

static void
question_free (void *data)
{
  Question *q = data;

  cs_steering_engine_unref (q->engine);
  cs_steering_text_unref (q->text);
  g_free (q->run_folder);
  g_free (q);
}

/* The models read from left to right: what follows the token changes nothing. */
static GArray *
answer (const Question *q, GError **error)
{
  const CsPair *pair = cs_steering_engine_pair (q->engine, error);
  g_autoptr (CsSharedCrosscoder) crosscoder = NULL;
  g_autoptr (CsTeam) team = cs_team_new (0);

  if (pair == NULL || (crosscoder = cs_steering_engine_crosscoder (q->engine, q->run_folder, error)) == NULL)
    return NULL;
  return cs_steer_firing (pair, cs_shared_crosscoder_get (crosscoder), team, cs_steering_layer (pair, q->layer),
                          (const int32_t *) (void *) q->text->ids->data, q->index + 1, q->index, error);
}

static void
answer_in_thread (GTask *task, void *source, void *data, GCancellable *cancellable)
{
  GError *error = NULL;
  GArray *list = answer (data, &error);

  if (list != NULL)
    g_task_return_pointer (task, list, (GDestroyNotify) g_array_unref);
  else
    g_task_return_error (task, error);
}

/* --- The list --- */

static int
by_activation (const void *a, const void *b)
{
  const CsFiringLatent *x = a, *y = b;

  return (x->activation < y->activation) - (x->activation > y->activation);
}

static int
by_difference (const void *a, const void *b)
{
  const CsFiringLatent *x = a, *y = b;

  return (x->difference < y->difference) - (x->difference > y->difference);
}

static void
add_clicked_cb (CsSteeringFiring *self, GtkButton *button)
{
  g_signal_emit (self, signals[SIGNAL_ADD], 0, GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (button), "latent")));
}

static void
show_clicked_cb (CsSteeringFiring *self, GtkButton *button)
{
  const guint latent = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (button), "latent"));

  gtk_popover_popdown (GTK_POPOVER (self));
  gtk_widget_activate_action (GTK_WIDGET (self), "win.show-latent", "(su)", cs_run_name (self->run), latent);
}

static GtkWidget *
row_button_new (CsSteeringFiring *self, const char *icon, const char *text, size_t latent, GCallback callback)
{
  GtkWidget *button = gtk_button_new_from_icon_name (icon);

  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (button, text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
  g_object_set_data (G_OBJECT (button), "latent", GSIZE_TO_POINTER (latent));
  g_signal_connect_object (button, "clicked", callback, self, G_CONNECT_SWAPPED);
  return button;
}

static GtkWidget *
caption_new (const char *text)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (label, "caption");
  gtk_widget_add_css_class (label, "dim-label");
  gtk_widget_add_css_class (label, "numeric");
  return label;
}

static GtkWidget *
firing_row_new (CsSteeringFiring *self, const CsFiringLatent *f)
{
  const CsLatents *latents = cs_run_latents (self->run, NULL);
  const double delta = latents != NULL && f->latent < latents->n_latents ? latents->rows[f->latent].delta_norm : NAN;
  g_autofree char *title = cs_steering_latent_title (f->latent, cs_steering_basket_label (self->basket, f->latent));
  /* Translators: activation, part of the difference between the models, and Δ_norm of a latent */
  g_autofree char *detail = g_strdup_printf (_("v %.3g · chat − base %.3g · Δ %.2f"), f->activation, f->difference, delta);
  GtkWidget *row = gtk_list_box_row_new (), *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 3);
  GtkWidget *words = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0), *name = gtk_label_new (title);

  gtk_label_set_xalign (GTK_LABEL (name), 0);
  gtk_label_set_ellipsize (GTK_LABEL (name), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (words, TRUE);
  gtk_widget_set_valign (words, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (words), name);
  gtk_box_append (GTK_BOX (words), caption_new (detail));
  gtk_box_append (GTK_BOX (box), words);
  gtk_box_append (GTK_BOX (box), row_button_new (self, "list-add-symbolic", _("Add to the Steered Latents"), f->latent,
                                                 G_CALLBACK (add_clicked_cb)));
  gtk_box_append (GTK_BOX (box), row_button_new (self, "go-next-symbolic", _("Show on the Latents Page"), f->latent,
                                                 G_CALLBACK (show_clicked_cb)));
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), FALSE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  return row;
}

static void
fill_list (CsSteeringFiring *self)
{
  GtkListBoxRow *row;

  while ((row = gtk_list_box_get_row_at_index (self->list, 0)) != NULL)
    gtk_list_box_remove (self->list, GTK_WIDGET (row));
  if (self->firing == NULL)
    return;
  g_array_sort (self->firing, gtk_drop_down_get_selected (self->rank) == 0 ? by_activation : by_difference);
  for (guint i = 0; i < MIN (self->firing->len, MAX_ROWS); i++)
    gtk_list_box_append (self->list, firing_row_new (self, &g_array_index (self->firing, CsFiringLatent, i)));
  gtk_stack_set_visible_child_name (self->stack, "list");
}

static void
rank_changed_cb (CsSteeringFiring *self)
{
  fill_list (self);
}

static void
answered_cb (GObject *source, GAsyncResult *result, void *data)
{
  CsSteeringFiring *self = CS_STEERING_FIRING (source);
  const Question *q = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) list = g_task_propagate_pointer (G_TASK (result), &error);

  if (q->generation != self->generation)
    return;
  if (list == NULL || list->len == 0)
    {
      gtk_label_set_text (self->message, list == NULL ? error->message : _("No latent fires on this token."));
      gtk_stack_set_visible_child_name (self->stack, "message");
    }
  g_clear_pointer (&self->firing, g_array_unref);
  self->firing = g_steal_pointer (&list);
  if (self->firing != NULL && self->firing->len > 0)
    fill_list (self);
  g_signal_emit (self, signals[SIGNAL_READY], 0);
}

/* --- Asking --- */

static void
show_title (CsSteeringFiring *self, const CsSteeringText *text, size_t index)
{
  const int32_t id = g_array_index (text->ids, int32_t, index);
  const uint8_t kind = index < text->kinds->len ? g_array_index (text->kinds, uint8_t, index) : CS_TOKEN_CONTENT_MODEL;
  const bool template = cs_token_kind_is_template (kind);
  g_autofree char *decoded = cs_tokenizer_decode (text->tokenizer, &id, 1, false);
  g_auto (GStrv) lines = g_strsplit (decoded, "\n", -1);
  g_autofree char *shown = g_strjoinv ("↵", lines);
  g_autofree char *title =
    g_strdup_printf (template ? _("Latents on “%s”, a token of the template") : _("Latents on “%s”"), shown);

  gtk_label_set_text (self->title, title);
}

void
cs_steering_firing_show (CsSteeringFiring *firing, CsSteeringEngine *engine, CsRun *run, size_t layer, CsSteeringText *text,
                         size_t index, const GdkRectangle *where)
{
  g_autoptr (GTask) task = g_task_new (firing, NULL, answered_cb, NULL);
  Question *q = g_new0 (Question, 1);

  g_return_if_fail (index < text->ids->len);
  *q = (Question) { .engine = cs_steering_engine_ref (engine), .text = cs_steering_text_ref (text),
                    .run_folder = g_strdup (cs_run_folder (run)), .layer = layer, .index = index,
                    .generation = ++firing->generation };
  g_set_object (&firing->run, run);
  g_clear_pointer (&firing->firing, g_array_unref);
  show_title (firing, text, index);
  gtk_stack_set_visible_child_name (firing->stack, "busy");
  g_task_set_task_data (task, q, question_free);
  g_task_run_in_thread (task, answer_in_thread);
  gtk_popover_set_pointing_to (GTK_POPOVER (firing), where);
  gtk_popover_popup (GTK_POPOVER (firing));
}

GArray *
cs_steering_firing_list (CsSteeringFiring *firing)
{
  return firing->firing;
}

/* --- Class --- */

static void
cs_steering_firing_dispose (GObject *object)
{
  CsSteeringFiring *self = CS_STEERING_FIRING (object);

  self->generation++; /* answers that are still on their way have nowhere to go */
  g_clear_object (&self->run);
  g_clear_pointer (&self->firing, g_array_unref);
  G_OBJECT_CLASS (cs_steering_firing_parent_class)->dispose (object);
}

static void
cs_steering_firing_class_init (CsSteeringFiringClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_steering_firing_dispose;
  signals[SIGNAL_ADD] = g_signal_new ("add", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                      1, G_TYPE_UINT);
  signals[SIGNAL_READY] = g_signal_new ("ready", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 0);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/crosscope/Crosscope/ui/steering-firing.ui");
  gtk_widget_class_bind_template_child (widget_class, CsSteeringFiring, title);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringFiring, rank);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringFiring, stack);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringFiring, message);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringFiring, list);
  gtk_widget_class_bind_template_callback (widget_class, rank_changed_cb);
}

static void
cs_steering_firing_init (CsSteeringFiring *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
cs_steering_firing_new (CsSteeringBasket *basket)
{
  CsSteeringFiring *self = g_object_new (CS_TYPE_STEERING_FIRING, NULL);

  self->basket = basket;
  return GTK_WIDGET (self);
}
