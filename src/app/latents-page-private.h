#pragma once

#include "latents-page.h"

#include "latent-columns.h"
#include "latent-detail.h"
#include "latent-header.h"
#include "latent-prompt-search.h"
#include "latent-plots.h"
#include "latent-table.h"

struct _CsLatentsPage
{
  CsPage parent;
  GtkStack *stack;
  AdwStatusPage *status;
  GtkProgressBar *progress;
  GtkButton *status_button;
  AdwLeaflet *leaflet;
  GtkSearchBar *search_bar;
  GtkSearchEntry *search_entry;
  CsLatentPromptSearch *prompt_search;
  CsLatentPlots *plots;
  GtkLabel *count;
  GtkBox *chips;
  CsLatentTable *table;
  CsLatentDetail *detail;
  CsLatentHeader *header;

  GtkMenuButton *exchange_button;
  GActionMap *exchange;     /* of its menu */
  CsLatentList *list;
  CsRun *run;               /* chosen */
  CsRun *shown_run;         /* whose latents the list holds; NULL for none */
  CsJob *job;               /* of the run */
  const char *status_action; /* a page's name, or "analyse" */
  GArray *history;          /* size_t, latents viewed */
  guint history_at;         /* one past the one shown */
  bool moving;              /* within the history */
  guint scroll_source;
};

/* Selects a latent and shows it, also where the detail is a page of its own. */
void cs_latents_page_select (CsLatentsPage *self, size_t latent, bool scroll);
/* Shows what the run is now. */
void cs_latents_page_update (CsLatentsPage *self);

/* latents-page-exchange.c */
void cs_latents_page_add_exchange (CsLatentsPage *self);    /* the menu */
void cs_latents_page_update_exchange (CsLatentsPage *self); /* for another run */

/* latents-page-actions.c */
void cs_latents_page_load_labels (CsLatentsPage *self);
void cs_latents_page_install_actions (GtkWidgetClass *klass);
void cs_latents_page_add_shortcuts (CsLatentsPage *self);
void cs_latents_page_update_actions (CsLatentsPage *self);
void cs_latents_page_remember (CsLatentsPage *self, size_t latent);
void cs_latents_page_forget_history (CsLatentsPage *self);
