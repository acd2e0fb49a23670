/* Colours and type of a plot, for light and dark surroundings.
 *
 * Every colour that carries meaning keeps a contrast of at least 3:1 to the background, and text at
 * least 4.5:1 (WCAG 2.1). Classes never differ by colour alone: each has a hatch for areas and a
 * marker for points. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct
{
  double red, green, blue, alpha; /* 0 … 1, not premultiplied */
} CsPlotColor;

/* The classes of latents, and PLAIN for data without a class. */
typedef enum
{
  CS_PLOT_CLASS_BASE_ONLY,
  CS_PLOT_CLASS_SHARED,
  CS_PLOT_CLASS_CHAT_ONLY,
  CS_PLOT_CLASS_CHAT_SPECIFIC,
  CS_PLOT_CLASS_OTHER,
  CS_PLOT_CLASS_PLAIN,
} CsPlotClass;
#define CS_PLOT_N_CLASSES 6
#define CS_PLOT_N_SERIES 8

typedef struct
{
  CsPlotColor background; /* alpha 0: the caller has painted it */
  CsPlotColor foreground; /* titles, read-outs */
  CsPlotColor muted;      /* axis text */
  CsPlotColor grid;
  CsPlotColor accent;
  CsPlotColor classes[CS_PLOT_N_CLASSES];
  CsPlotColor series[CS_PLOT_N_SERIES]; /* line series, in the order they are added */
  const char *font;                     /* family list; static or interned */
  double font_size;                     /* of axis text in an ample plot, in pixels */
} CsPlotTheme;

/* Static; copy to change. */
const CsPlotTheme *cs_plot_theme_light (void);
const CsPlotTheme *cs_plot_theme_dark (void);

/* WCAG 2.1 contrast ratio, 1 … 21, of two opaque colours. */
double cs_plot_color_contrast (CsPlotColor a, CsPlotColor b);
CsPlotColor cs_plot_color_with_alpha (CsPlotColor color, double alpha);

/* Translated name of a class ("chat-only"); static. PLAIN is the empty string. */
const char *cs_plot_class_name (CsPlotClass klass);
