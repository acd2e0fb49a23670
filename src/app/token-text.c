#include <math.h>

#include <glib/gi18n.h>

#include "token-text-private.h"

G_DEFINE_FINAL_TYPE (CsTokenText, cs_token_text, GTK_TYPE_WIDGET)

enum { SIGNAL_TOKEN_CLICKED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
token_clear (void *data)
{
  g_free (((CsToken *) data)->spelling);
}

/* --- Text --- */

/* Control characters are shown as pictures, so that each can be seen and shaded. */
static void
append_shown (GString *out, const char *text, bool break_lines)
{
  for (const char *p = text; *p != '\0'; p += g_utf8_skip[(guchar) *p])
    {
      gunichar c = g_utf8_get_char (p);

      if (c == '\n')
        g_string_append (out, break_lines ? "↵\n" : "↵");
      else if (c == '\t')
        g_string_append (out, "⇥");
      else if (c < 0x20)
        g_string_append_unichar (out, 0x2400 + c);
      else if (c == 0x7f || c == 0x2028 || c == 0x2029)
        g_string_append_unichar (out, 0x2424);
      else
        g_string_append_unichar (out, c);
    }
}

static void
append_numbers (CsTokenText *self)
{
  for (guint i = 0; i < self->tokens->len; i++)
    {
      CsToken *token = cs_token_text_at (self, i);

      if (i > 0)
        g_string_append_c (self->text, ' ');
      token->start = self->text->len;
      g_string_append_printf (self->text, "%d", token->id);
      token->end = self->text->len;
    }
}

/* Ends the tokens first … i at what has been written; they began together. */
static void
close_tokens (CsTokenText *self, guint first, guint end, guint start)
{
  for (guint i = first; i < end; i++)
    {
      cs_token_text_at (self, i)->start = start;
      cs_token_text_at (self, i)->end = self->text->len;
    }
}

static void
append_decoded (CsTokenText *self)
{
  g_autoptr (CsDecoder) decoder = cs_decoder_new (self->tokenizer, false);
  g_autofree char *rest = NULL;
  guint first = 0, start = 0;

  for (guint i = 0; i < self->tokens->len; i++)
    {
      g_autofree char *piece = cs_decoder_feed (decoder, cs_token_text_at (self, i)->id);

      if (piece[0] == '\0')
        continue; /* the character goes on in the next token */
      append_shown (self->text, piece, self->break_lines);
      close_tokens (self, first, i + 1, start);
      first = i + 1;
      start = self->text->len;
    }
  rest = cs_decoder_finish (decoder);
  append_shown (self->text, rest, self->break_lines);
  close_tokens (self, first, self->tokens->len, start);
}

static void
rebuild_text (CsTokenText *self)
{
  g_string_truncate (self->text, 0);
  if (self->tokenizer != NULL)
    append_decoded (self);
  else
    append_numbers (self);
}

/* --- Words --- */

char *
cs_token_text_dup_token (CsTokenText *self, size_t index)
{
  const CsToken *token;

  g_return_val_if_fail (CS_IS_TOKEN_TEXT (self) && index < self->tokens->len, NULL);
  token = cs_token_text_at (self, index);
  return g_strndup (self->text->str + token->start, token->end - token->start);
}

static char *
name_token (CsTokenText *self, size_t index)
{
  const CsToken *token = cs_token_text_at (self, index);

  if (token->spelling == NULL)
    return g_strdup_printf (_("token %d"), token->id);
  /* Translators: a token of the vocabulary and its number */
  return g_strdup_printf (_("“%s” (%d)"), token->spelling, token->id);
}

char *
cs_token_text_describe (CsTokenText *self, size_t index)
{
  g_autofree char *name = NULL;
  const CsToken *token;

  g_return_val_if_fail (CS_IS_TOKEN_TEXT (self) && index < self->tokens->len, NULL);
  token = cs_token_text_at (self, index);
  name = name_token (self, index);
  if (!self->has_values || !isfinite (token->value))
    return g_steal_pointer (&name);
  if (!(self->max > 0))
    /* Translators: a token, its activation */
    return g_strdup_printf (_("%s · %.3g"), name, token->value);
  /* Translators: a token, its activation, the same as a part of the maximum */
  return g_strdup_printf (_("%s · %.3g, %.2f of max"), name, token->value, token->value / self->max);
}

static gssize
strongest_token (CsTokenText *self)
{
  gssize best = -1;

  for (guint i = 0; i < self->tokens->len; i++)
    if (cs_token_text_at (self, i)->value > (best < 0 ? 0 : cs_token_text_at (self, best)->value))
      best = i;
  return best;
}

/* What a screen reader hears: the text, then the current or the strongest token. */
static void
update_accessible (CsTokenText *self)
{
  gssize index = self->current >= 0 ? self->current : strongest_token (self);
  g_autofree char *description = index >= 0 ? cs_token_text_describe (self, index) : g_strdup ("");

  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, self->text->str,
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, description, -1);
}

/* --- Pointer and keys --- */

static gssize
token_at_point (CsTokenText *self, double x, double y)
{
  PangoLayout *layout = gtk_label_get_layout (GTK_LABEL (self->label));
  int left, top, byte, trailing;

  gtk_label_get_layout_offsets (GTK_LABEL (self->label), &left, &top);
  if (!pango_layout_xy_to_index (layout, (int) ((x - left) * PANGO_SCALE), (int) ((y - top) * PANGO_SCALE), &byte,
                                 &trailing))
    return -1;
  for (guint i = 0; i < self->tokens->len; i++)
    if ((guint) byte >= cs_token_text_at (self, i)->start && (guint) byte < cs_token_text_at (self, i)->end)
      return i;
  return -1;
}

static gboolean
cs_token_text_query_tooltip (GtkWidget *widget, int x, int y, gboolean keyboard, GtkTooltip *tooltip)
{
  CsTokenText *self = CS_TOKEN_TEXT (widget);
  gssize index = keyboard ? self->current : token_at_point (self, x, y);
  GdkRectangle area = { x - 4, y - 8, 8, 16 };
  g_autofree char *text = NULL;

  if (index < 0)
    return FALSE;
  text = cs_token_text_describe (self, index);
  gtk_tooltip_set_text (tooltip, text);
  if (!keyboard)
    gtk_tooltip_set_tip_area (tooltip, &area);
  return TRUE;
}

static void
released_cb (CsTokenText *self, int n_press, double x, double y)
{
  gssize index = token_at_point (self, x, y);

  if (index >= 0)
    g_signal_emit (self, signals[SIGNAL_TOKEN_CLICKED], 0, (guint) index);
}

static gboolean
move_current (GtkWidget *widget, GVariant *args, void *data)
{
  CsTokenText *self = CS_TOKEN_TEXT (widget);
  gssize step = g_variant_get_int32 (args);
  gssize last = (gssize) self->tokens->len - 1;

  if (last < 0)
    return FALSE;
  if (self->current < 0)
    cs_token_text_set_current (self, step > 0 ? 0 : last);
  else
    cs_token_text_set_current (self, CLAMP (self->current + step, 0, last));
  return TRUE;
}

static gboolean
activate_current (GtkWidget *widget, GVariant *args, void *data)
{
  CsTokenText *self = CS_TOKEN_TEXT (widget);

  if (self->current < 0)
    return FALSE;
  g_signal_emit (self, signals[SIGNAL_TOKEN_CLICKED], 0, (guint) self->current);
  return TRUE;
}

/* --- Class --- */

static void
cs_token_text_css_changed (GtkWidget *widget, GtkCssStyleChange *change)
{
  GTK_WIDGET_CLASS (cs_token_text_parent_class)->css_changed (widget, change);
  if (CS_TOKEN_TEXT (widget)->label != NULL)
    cs_token_text_restyle (CS_TOKEN_TEXT (widget));
}

static void
cs_token_text_dispose (GObject *object)
{
  g_clear_pointer (&CS_TOKEN_TEXT (object)->label, gtk_widget_unparent);
  G_OBJECT_CLASS (cs_token_text_parent_class)->dispose (object);
}

static void
cs_token_text_finalize (GObject *object)
{
  CsTokenText *self = CS_TOKEN_TEXT (object);

  g_array_unref (self->tokens);
  g_string_free (self->text, TRUE);
  g_clear_pointer (&self->tokenizer, cs_tokenizer_unref);
  G_OBJECT_CLASS (cs_token_text_parent_class)->finalize (object);
}

static void
cs_token_text_class_init (CsTokenTextClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_token_text_dispose;
  G_OBJECT_CLASS (klass)->finalize = cs_token_text_finalize;
  widget_class->query_tooltip = cs_token_text_query_tooltip;
  widget_class->css_changed = cs_token_text_css_changed;
  signals[SIGNAL_TOKEN_CLICKED] = g_signal_new ("token-clicked", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                                NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (widget_class, "tokentext");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
  gtk_widget_class_add_binding (widget_class, GDK_KEY_Left, 0, move_current, "i", -1);
  gtk_widget_class_add_binding (widget_class, GDK_KEY_Right, 0, move_current, "i", 1);
  gtk_widget_class_add_binding (widget_class, GDK_KEY_Home, 0, move_current, "i", -G_MAXINT32);
  gtk_widget_class_add_binding (widget_class, GDK_KEY_End, 0, move_current, "i", G_MAXINT32);
  gtk_widget_class_add_binding (widget_class, GDK_KEY_Return, 0, activate_current, NULL);
  gtk_widget_class_add_binding (widget_class, GDK_KEY_KP_Enter, 0, activate_current, NULL);
}

static void
cs_token_text_init (CsTokenText *self)
{
  GtkGesture *click = gtk_gesture_click_new ();

  self->tokens = g_array_new (FALSE, TRUE, sizeof (CsToken));
  g_array_set_clear_func (self->tokens, token_clear);
  self->text = g_string_new (NULL);
  self->current = -1;
  self->label = gtk_label_new (NULL);
  gtk_label_set_wrap (GTK_LABEL (self->label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (self->label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_xalign (GTK_LABEL (self->label), 0);
  gtk_label_set_yalign (GTK_LABEL (self->label), 0);
  gtk_widget_set_parent (self->label, GTK_WIDGET (self));
  gtk_widget_set_focusable (GTK_WIDGET (self), TRUE);
  gtk_widget_set_has_tooltip (GTK_WIDGET (self), TRUE);
  g_signal_connect_swapped (click, "released", G_CALLBACK (released_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (click));
}

GtkWidget *
cs_token_text_new (void)
{
  return g_object_new (CS_TYPE_TOKEN_TEXT, NULL);
}

/* --- Contents --- */

static void
show_text (CsTokenText *self)
{
  gtk_label_set_text (GTK_LABEL (self->label), self->text->str);
  cs_token_text_restyle (self);
  update_accessible (self);
}

void
cs_token_text_set (CsTokenText *self, CsTokenizer *tokenizer, const int32_t *ids, const float *values, size_t n, double max)
{
  g_return_if_fail (CS_IS_TOKEN_TEXT (self) && n < G_MAXUINT / sizeof (CsToken));
  if (tokenizer != NULL)
    cs_tokenizer_ref (tokenizer);
  g_clear_pointer (&self->tokenizer, cs_tokenizer_unref);
  self->tokenizer = tokenizer;
  g_array_set_size (self->tokens, 0);
  for (size_t i = 0; i < n; i++)
    {
      CsToken token = { .id = ids[i], .value = values != NULL ? values[i] : 0 };

      if (tokenizer != NULL)
        {
          token.spelling = g_strdup (cs_tokenizer_spelling (tokenizer, ids[i]));
          token.special = cs_tokenizer_is_special (tokenizer, ids[i]);
        }
      g_array_append_val (self->tokens, token);
    }
  self->has_values = values != NULL;
  self->max = max;
  self->current = -1;
  rebuild_text (self);
  show_text (self);
}

void
cs_token_text_set_values (CsTokenText *self, const float *values, double max)
{
  g_return_if_fail (CS_IS_TOKEN_TEXT (self));
  for (guint i = 0; i < self->tokens->len; i++)
    cs_token_text_at (self, i)->value = values != NULL ? values[i] : 0;
  self->has_values = values != NULL;
  self->max = max;
  cs_token_text_restyle (self);
  update_accessible (self);
}

void
cs_token_text_set_marks (CsTokenText *self, const bool *marks)
{
  g_return_if_fail (CS_IS_TOKEN_TEXT (self));
  for (guint i = 0; i < self->tokens->len; i++)
    cs_token_text_at (self, i)->marked = marks != NULL && marks[i];
  cs_token_text_restyle (self);
}

void
cs_token_text_set_break_lines (CsTokenText *self, bool break_lines)
{
  g_return_if_fail (CS_IS_TOKEN_TEXT (self));
  if (self->break_lines == break_lines)
    return;
  self->break_lines = break_lines;
  rebuild_text (self);
  show_text (self);
}

void
cs_token_text_set_current (CsTokenText *self, gssize index)
{
  g_return_if_fail (CS_IS_TOKEN_TEXT (self) && index < (gssize) self->tokens->len);
  if (self->current == index)
    return;
  self->current = index;
  cs_token_text_restyle (self);
  update_accessible (self);
}

gssize
cs_token_text_get_current (CsTokenText *self)
{
  g_return_val_if_fail (CS_IS_TOKEN_TEXT (self), -1);
  return self->current;
}

size_t
cs_token_text_get_n (CsTokenText *self)
{
  g_return_val_if_fail (CS_IS_TOKEN_TEXT (self), 0);
  return self->tokens->len;
}

const char *
cs_token_text_get_text (CsTokenText *self)
{
  g_return_val_if_fail (CS_IS_TOKEN_TEXT (self), NULL);
  return self->text->str;
}
