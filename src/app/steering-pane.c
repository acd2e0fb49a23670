#include "steering-pane.h"

#include <glib/gi18n.h>

#include "feedback.h"
#include "steering-tokens.h"

struct _CsSteeringPane {
  GtkBox parent;
  CsPaneId id;
  CsSteeringText *text;
  GtkLabel *title;
  GtkSpinner *spinner;
  GtkWidget *copy_button;
  GtkStack *stack;
  GtkLabel *message;
  GtkLabel *writing;
  CsSteeringTokens *tokens;
};

G_DEFINE_FINAL_TYPE (CsSteeringPane, cs_steering_pane, GTK_TYPE_BOX)

enum { SIGNAL_TOKEN_CLICKED, N_SIGNALS };
static guint signals[N_SIGNALS];

void
cs_steering_pane_set_id (CsSteeringPane *pane, CsPaneId id)
{
  static const char *const titles[] = { N_("Base, plain"), N_("Base, steered"), N_("Chat, plain"), N_("Chat, steered") };
  g_autofree char *copy = g_strdup_printf (_("Copy the text of “%s”"), _(titles[id]));

  pane->id = id;
  gtk_label_set_text (pane->title, _(titles[id]));
  if (cs_pane_is_steered (id))
    gtk_widget_add_css_class (GTK_WIDGET (pane->title), "accent");
  gtk_accessible_update_property (GTK_ACCESSIBLE (pane), GTK_ACCESSIBLE_PROPERTY_LABEL, _(titles[id]), -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (pane->copy_button), GTK_ACCESSIBLE_PROPERTY_LABEL, copy, -1);
}

CsPaneId
cs_steering_pane_id (CsSteeringPane *pane)
{
  return pane->id;
}

CsSteeringText *
cs_steering_pane_text (CsSteeringPane *pane)
{
  return pane->text;
}

const char *
cs_steering_pane_shown (CsSteeringPane *pane)
{
  if (pane->text != NULL)
    return pane->text->text;
  return gtk_label_get_text (gtk_stack_get_visible_child (pane->stack) == GTK_WIDGET (pane->writing) ? pane->writing
                                                                                                     : pane->message);
}

static void
show_child (CsSteeringPane *self, GtkWidget *child, bool busy, bool copyable)
{
  gtk_stack_set_visible_child (self->stack, child);
  gtk_spinner_set_spinning (self->spinner, busy);
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), busy);
  gtk_widget_set_sensitive (self->copy_button, copyable);
}

void
cs_steering_pane_show_message (CsSteeringPane *pane, const char *message)
{
  g_clear_pointer (&pane->text, cs_steering_text_unref);
  gtk_label_set_text (pane->message, message);
  show_child (pane, GTK_WIDGET (pane->message), false, false);
}

void
cs_steering_pane_show_writing (CsSteeringPane *pane, const char *text)
{
  g_clear_pointer (&pane->text, cs_steering_text_unref);
  gtk_label_set_text (pane->writing, text);
  show_child (pane, GTK_WIDGET (pane->writing), true, true);
}

void
cs_steering_pane_show_text (CsSteeringPane *pane, CsSteeringText *text, size_t latent, double max)
{
  if (text != pane->text)
    {
      g_clear_pointer (&pane->text, cs_steering_text_unref);
      pane->text = cs_steering_text_ref (text);
      cs_steering_tokens_set (pane->tokens, text, text->n_prompt, text->ids->len);
    }
  cs_steering_tokens_shade (pane->tokens, text, latent, max);
  show_child (pane, GTK_WIDGET (pane->tokens), false, true);
}

static void
copy_clicked_cb (CsSteeringPane *self)
{
  gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (self)), cs_steering_pane_shown (self));
  cs_feedback_toast (GTK_WIDGET (self), _("Text copied"));
}

static void
token_clicked_cb (CsSteeringPane *self, guint index, const GdkRectangle *where)
{
  graphene_point_t from = GRAPHENE_POINT_INIT ((float) where->x, (float) where->y), to = from;
  GdkRectangle mine = *where;

  if (self->text == NULL)
    return;
  if (gtk_widget_compute_point (GTK_WIDGET (self->tokens), GTK_WIDGET (self), &from, &to))
    {
      mine.x = (int) to.x;
      mine.y = (int) to.y;
    }
  g_signal_emit (self, signals[SIGNAL_TOKEN_CLICKED], 0, index, &mine);
}

static void
cs_steering_pane_finalize (GObject *object)
{
  g_clear_pointer (&CS_STEERING_PANE (object)->text, cs_steering_text_unref);
  G_OBJECT_CLASS (cs_steering_pane_parent_class)->finalize (object);
}

static void
cs_steering_pane_class_init (CsSteeringPaneClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = cs_steering_pane_finalize;
  g_type_ensure (CS_TYPE_STEERING_TOKENS);
  signals[SIGNAL_TOKEN_CLICKED] = g_signal_new ("token-clicked", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                                NULL, NULL, G_TYPE_NONE, 2, G_TYPE_UINT, GDK_TYPE_RECTANGLE);
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/crosscope/Crosscope/ui/steering-pane.ui");
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPane, title);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPane, spinner);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPane, copy_button);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPane, stack);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPane, message);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPane, writing);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPane, tokens);
  gtk_widget_class_bind_template_callback (widget_class, copy_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, token_clicked_cb);
}

static void
cs_steering_pane_init (CsSteeringPane *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
