/* The parts of the page, for its own file and its test. */
#pragma once

#include "steering-basket.h"
#include "steering-firing.h"
#include "steering-page.h"
#include "steering-pane.h"
#include "steering-prompt.h"

struct _CsSteeringPage {
  CsPage parent;
  CsSteeringEngine *engine;
  CsSteeringGeneration *generation;   /* whose texts are shown */
  guint live_source;
  size_t shaded;                      /* the latent last chosen for shading */
  const char *empty_page;             /* where the button of the empty state leads; NULL: it analyses */
  GtkDropDown *run_chooser;
  GtkStack *stack;
  AdwStatusPage *empty;
  GtkButton *empty_button;
  CsSteeringPrompt *prompt;
  CsSteeringBasket *basket;
  GtkDropDown *shade;
  GtkStringList *shade_names;
  GtkLabel *error;
  GtkAdjustment *seed, *temperature, *max_tokens;
  GtkCheckButton *base_steered, *live;
  CsSteeringPane *panes[CS_N_PANES];
  CsSteeringFiring *firing;
  GtkWidget *keep;
};

/* --- steering-page-runs.c --- */
/* The chosen run; NULL where there is none. */
CsRun *cs_steering_page_run (CsSteeringPage *page);
void   cs_steering_page_select_run (CsSteeringPage *page, const char *name);
/* Shows the runs that there are now, and the texts or what is missing for them. */
void   cs_steering_page_update (CsSteeringPage *page);
/* What the button of the empty state does. */
void   cs_steering_page_leave_empty (CsSteeringPage *page);
/* Whether a list of GtkStringObject holds these names. */
bool   cs_steering_same_names (GListModel *list, char **names);

/* --- steering-page.c --- */
void   cs_steering_page_generate (CsSteeringPage *page);
void   cs_steering_page_stop (CsSteeringPage *page);

/* --- steering-keep.c --- */
/* Keeps the texts that are shown for the report. */
void cs_steering_page_keep (CsSteeringPage *page);
/* The button follows what there is to keep. */
void cs_steering_page_update_keep (CsSteeringPage *page);
