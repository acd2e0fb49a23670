/* How the tokens of a CsTokenText look. */
#include <math.h>

#include "theme-colors.h"
#include "token-text-private.h"

double
cs_token_text_opacity (double value, double max)
{
  if (!(value > 0) || !(max > 0))
    return 0;
  return 0.05 + 0.95 * log10 (1 + 9 * MIN (value / max, 1));
}

static double
luminance (const GdkRGBA *c)
{
  return 0.2126 * pow (c->red, 2.2) + 0.7152 * pow (c->green, 2.2) + 0.0722 * pow (c->blue, 2.2);
}

static void
add_attribute (PangoAttrList *list, PangoAttribute *attribute, const CsToken *token)
{
  attribute->start_index = token->start;
  attribute->end_index = token->end;
  pango_attr_list_insert (list, attribute);
}

/* Black or white, whichever reads better on the shade as it lies on the ground that the text colour suggests. */
static void
add_foreground (PangoAttrList *list, const CsToken *token, const GdkRGBA *hue, double opacity,
                bool dark)
{
  double ground = dark ? 0.2 : 1.0;
  GdkRGBA mixed = { hue->red * opacity + ground * (1 - opacity), hue->green * opacity + ground * (1 - opacity),
                    hue->blue * opacity + ground * (1 - opacity), 1 };
  guint16 level = luminance (&mixed) > 0.179 ? 0 : G_MAXUINT16;

  add_attribute (list, pango_attr_foreground_new (level, level, level), token);
}

static void
add_shade (PangoAttrList *list, const CsToken *token, const GdkRGBA *hue, double opacity, bool dark)
{
  if (opacity <= 0 || token->end <= token->start)
    return;
  add_attribute (list,
                 pango_attr_background_new ((guint16) (hue->red * G_MAXUINT16), (guint16) (hue->green * G_MAXUINT16),
                                            (guint16) (hue->blue * G_MAXUINT16)),
                 token);
  add_attribute (list, pango_attr_background_alpha_new ((guint16) MAX (1, opacity * G_MAXUINT16)), token);
  if (opacity > 0.3)
    add_foreground (list, token, hue, opacity, dark);
}

static bool
same_range (const CsToken *a, const CsToken *b)
{
  return a->start == b->start && a->end == b->end;
}

/* The strongest of the tokens that share the range of token i; *end is set after the last of them. */
static double
group_opacity (CsTokenText *self, guint i, guint *end)
{
  double opacity = 0;

  for (*end = i; *end < self->tokens->len && same_range (cs_token_text_at (self, *end), cs_token_text_at (self, i)); (*end)++)
    opacity = MAX (opacity, cs_token_text_opacity (cs_token_text_at (self, *end)->value, self->max));
  return opacity;
}

void
cs_token_text_restyle (CsTokenText *self)
{
  g_autoptr (PangoAttrList) list = pango_attr_list_new ();
  GdkRGBA hue = { 0.21f, 0.52f, 0.89f, 1 }, text;
  bool dark;
  guint end;

  cs_compat_lookup_color (GTK_WIDGET (self), "accent_bg_color", &hue);
  cs_compat_text_color (GTK_WIDGET (self), &text);
  dark = luminance (&text) > 0.5;
  /* A hyphen at the end of a line would read as a part of a token. */
  pango_attr_list_insert (list, pango_attr_insert_hyphens_new (FALSE));
  for (guint i = 0; i < self->tokens->len; i = end)
    {
      const CsToken *token = cs_token_text_at (self, i);
      double opacity = group_opacity (self, i, &end);

      add_shade (list, token, &hue, opacity, dark);
      if ((token->special || token->marked) && opacity <= 0.3)
        add_attribute (list, pango_attr_foreground_alpha_new ((guint16) (0.55 * G_MAXUINT16)), token);
      if (self->current >= (gssize) i && self->current < (gssize) end)
        add_attribute (list, pango_attr_underline_new (PANGO_UNDERLINE_SINGLE), token);
    }
  gtk_label_set_attributes (GTK_LABEL (self->label), list);
}
