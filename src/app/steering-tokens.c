#include "steering-tokens.h"

#include "token-text.h"

struct _CsSteeringTokens {
  AdwBin parent;
  CsTokenText *tokens;
  size_t first, n;
  GdkRectangle where;   /* the last press */
};

G_DEFINE_FINAL_TYPE (CsSteeringTokens, cs_steering_tokens, ADW_TYPE_BIN)

enum { SIGNAL_TOKEN_CLICKED, N_SIGNALS };
static guint signals[N_SIGNALS];

static bool
is_template_token (const CsSteeringText *text, size_t index)
{
  const uint8_t kind = index < text->kinds->len ? g_array_index (text->kinds, uint8_t, index) : CS_TOKEN_CONTENT_MODEL;

  return cs_token_kind_is_template (kind);
}

void
cs_steering_tokens_set (CsSteeringTokens *self, CsSteeringText *text, size_t first, size_t end)
{
  g_autofree bool *marks = g_new0 (bool, MAX (end - first, 1));

  for (size_t i = first; i < end; i++)
    marks[i - first] = is_template_token (text, i);
  self->first = first;
  self->n = end - first;
  cs_token_text_set (self->tokens, text->tokenizer, (const int32_t *) (void *) text->ids->data + first, NULL, self->n, 0);
  cs_token_text_set_marks (self->tokens, marks);
}

void
cs_steering_tokens_shade (CsSteeringTokens *self, CsSteeringText *text, size_t latent, double max)
{
  g_autofree float *values = max > 0 ? cs_steering_text_values (text, latent) : NULL;

  g_return_if_fail (self->first + self->n <= text->ids->len);
  cs_token_text_set_values (self->tokens, values != NULL ? values + self->first : NULL, max);
}

static void
pressed_cb (CsSteeringTokens *self, int n_press, double x, double y)
{
  self->where = (GdkRectangle) { (int) x, (int) y - 8, 1, 16 };
}

static void
token_clicked_cb (CsSteeringTokens *self, guint index)
{
  cs_token_text_set_current (self->tokens, index);
  g_signal_emit (self, signals[SIGNAL_TOKEN_CLICKED], 0, (guint) (self->first + index), &self->where);
}

static void
cs_steering_tokens_class_init (CsSteeringTokensClass *klass)
{
  signals[SIGNAL_TOKEN_CLICKED] = g_signal_new ("token-clicked", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                                NULL, NULL, G_TYPE_NONE, 2, G_TYPE_UINT, GDK_TYPE_RECTANGLE);
}

static void
cs_steering_tokens_init (CsSteeringTokens *self)
{
  GtkGesture *press = gtk_gesture_click_new ();

  self->where = (GdkRectangle) { 0, 0, 1, 16 };
  self->tokens = CS_TOKEN_TEXT (cs_token_text_new ());
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->tokens));
  g_signal_connect_object (self->tokens, "token-clicked", G_CALLBACK (token_clicked_cb), self, G_CONNECT_SWAPPED);
  gtk_event_controller_set_propagation_phase (GTK_EVENT_CONTROLLER (press), GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (press, "pressed", G_CALLBACK (pressed_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (press));
}
