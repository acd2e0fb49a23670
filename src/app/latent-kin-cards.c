#include "latent-kin-cards.h"

#include <glib/gi18n.h>

#define LOAD_DELAY_MS 150

enum
{
  ROW_FIRING = CS_NEIGHBOUR_N_PARTS,
  N_ROWS,
};

struct _CsLatentKinCards
{
  GtkBox parent;
  GtkLabel *promoted[2], *suppressed[2], *lens_note;
  GtkWidget *lens_grid;
  GtkFlowBox *latents[N_ROWS];
  GtkLabel *notes[N_ROWS];
  GtkSpinner *spinner;

  CsKinSource *source;
  gssize latent;
  guint load_source;
  GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE (CsLatentKinCards, cs_latent_kin_cards, GTK_TYPE_BOX)

enum
{
  LATENT_ACTIVATED,
  N_SIGNALS,
};
static guint signals[N_SIGNALS];

/* --- Filling --- */

static void
set_note (GtkLabel *label, const char *text)
{
  gtk_label_set_text (label, text);
  gtk_widget_set_visible (GTK_WIDGET (label), text[0] != '\0');
}

static void
clear_row (CsLatentKinCards *self, size_t row, const char *note)
{
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self->latents[row]))) != NULL)
    gtk_flow_box_remove (self->latents[row], child);
  gtk_widget_set_visible (GTK_WIDGET (self->latents[row]), FALSE);
  set_note (self->notes[row], note);
}

static void
clicked_cb (GtkButton *button, CsLatentKinCards *self)
{
  const guint latent = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (button), "latent"));

  g_signal_emit (self, signals[LATENT_ACTIVATED], 0, latent);
}

static void
add_latent (CsLatentKinCards *self, size_t row, size_t latent, double number, const char *meaning)
{
  g_autofree char *text = g_strdup_printf ("%zu · %.2f", latent, number);
  GtkWidget *button = gtk_button_new_with_label (text);

  gtk_widget_add_css_class (button, "flat");
  gtk_widget_add_css_class (button, "numeric");
  gtk_widget_set_tooltip_text (button, meaning);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, meaning,
                                  -1);
  g_object_set_data (G_OBJECT (button), "latent", GUINT_TO_POINTER ((guint)latent));
  g_signal_connect_object (button, "clicked", G_CALLBACK (clicked_cb), self, 0);
  gtk_flow_box_append (self->latents[row], button);
  gtk_widget_set_focusable (gtk_widget_get_parent (button), FALSE);
  gtk_widget_set_visible (GTK_WIDGET (self->latents[row]), TRUE);
}

static void
show_lens (CsLatentKinCards *self, const CsKin *kin)
{
  for (int m = 0; m < 2 && kin->lens_error == NULL; m++)
    {
      const CsLens *lens = kin->lens[m];
      g_autofree char *promoted = cs_lens_words (lens->promoted, lens->n);
      g_autofree char *suppressed = cs_lens_words (lens->suppressed, lens->n);

      gtk_label_set_text (self->promoted[m], lens->n > 0 ? promoted : "–");
      gtk_label_set_text (self->suppressed[m], lens->n > 0 ? suppressed : "–");
    }
  gtk_widget_set_visible (self->lens_grid, kin->lens_error == NULL);
  set_note (self->lens_note, kin->lens_error != NULL ? kin->lens_error : "");
}

static void
show_near (CsLatentKinCards *self, const CsKin *kin)
{
  for (size_t part = 0; part < CS_NEIGHBOUR_N_PARTS; part++)
    {
      clear_row (self, part, kin->n_near[part] == 0 ? _ ("This decoder is 0.") : "");
      for (size_t i = 0; i < kin->n_near[part]; i++)
        {
          const CsNeighbour *near = &kin->near[part][i];
          g_autofree char *meaning =
              g_strdup_printf (_ ("Latent %zu, cosine %.2f"), near->latent, near->cosine);

          add_latent (self, part, near->latent, near->cosine, meaning);
        }
    }
}

static void
show_firing (CsLatentKinCards *self, const GArray *list)
{
  clear_row (self, ROW_FIRING,
             list->len == 0 ? _ ("It was not active in the tokens that were read.") : "");
  for (guint i = 0; i < list->len; i++)
    {
      const CsCofiringLatent *c = &g_array_index (list, CsCofiringLatent, i);
      g_autofree char *meaning = g_strdup_printf (
          _ ("Latent %zu: Jaccard index %.2f; active on %.0f %% of this latent's tokens, and this "
             "one on %.0f %% of its own"),
          c->latent, c->jaccard, 100 * c->given_this, 100 * c->given_other);

      add_latent (self, ROW_FIRING, c->latent, c->jaccard, meaning);
    }
}

/* --- Loading --- */

/* Whether a result is still of what is shown. */
static bool
is_current (CsLatentKinCards *self, GAsyncResult *result)
{
  return self->latent >= 0 && self->cancellable != NULL &&
         g_task_get_cancellable (G_TASK (result)) == self->cancellable;
}

static void
loaded_cb (GObject *object, GAsyncResult *result, void *data)
{
  g_autoptr (CsLatentKinCards) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (CsKin) kin = cs_kin_source_load_finish (result, &error);

  if (!is_current (self, result))
    return;
  if (kin == NULL)
    {
      set_note (self->lens_note, error->message);
      for (size_t part = 0; part < CS_NEIGHBOUR_N_PARTS; part++)
        clear_row (self, part, "");
      return;
    }
  show_lens (self, kin);
  show_near (self, kin);
}

static void
firing_cb (GObject *object, GAsyncResult *result, void *data)
{
  g_autoptr (CsLatentKinCards) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) list = cs_kin_source_cofiring_finish (result, &error);

  if (!is_current (self, result))
    return;
  gtk_spinner_stop (self->spinner);
  if (list != NULL)
    show_firing (self, list);
  else
    clear_row (self, ROW_FIRING, error->message);
}

static gboolean
load_cb (void *data)
{
  CsLatentKinCards *self = data;

  self->load_source = 0;
  gtk_spinner_start (self->spinner);
  cs_kin_source_load (self->source, (size_t)self->latent, self->cancellable, loaded_cb,
                      g_object_ref (self));
  cs_kin_source_cofiring (self->source, (size_t)self->latent, self->cancellable, firing_cb,
                          g_object_ref (self));
  return G_SOURCE_REMOVE;
}

void
cs_latent_kin_cards_show (CsLatentKinCards *self, gssize latent)
{
  g_return_if_fail (CS_IS_LATENT_KIN_CARDS (self));
  g_clear_handle_id (&self->load_source, g_source_remove);
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  self->latent = latent;
  gtk_spinner_stop (self->spinner);
  for (int m = 0; m < 2; m++)
    {
      gtk_label_set_text (self->promoted[m], "…");
      gtk_label_set_text (self->suppressed[m], "…");
    }
  set_note (self->lens_note, "");
  for (size_t row = 0; row < N_ROWS; row++)
    clear_row (self, row, "…");
  gtk_widget_set_visible (GTK_WIDGET (self), latent >= 0 && self->source != NULL);
  if (latent < 0 || self->source == NULL)
    return;
  self->cancellable = g_cancellable_new ();
  self->load_source = g_timeout_add (LOAD_DELAY_MS, load_cb, self);
}

void
cs_latent_kin_cards_set_source (CsLatentKinCards *self, CsKinSource *source)
{
  g_return_if_fail (CS_IS_LATENT_KIN_CARDS (self));
  if (source != NULL)
    cs_kin_source_ref (source);
  g_clear_pointer (&self->source, cs_kin_source_unref);
  self->source = source;
  cs_latent_kin_cards_show (self, -1);
}

/* --- As text --- */

static void
append_row (CsLatentKinCards *self, GString *text, size_t row, const char *title)
{
  GtkWidget *child = gtk_widget_get_first_child (GTK_WIDGET (self->latents[row]));

  if (child == NULL)
    return;
  g_string_append_printf (text, "%s:", title);
  for (; child != NULL; child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *button = gtk_flow_box_child_get_child (GTK_FLOW_BOX_CHILD (child));

      g_string_append_printf (text, "  %s", gtk_button_get_label (GTK_BUTTON (button)));
    }
  g_string_append_c (text, '\n');
}

static const char *
row_title (size_t row)
{
  switch (row)
    {
    case CS_NEIGHBOUR_BASE:
      return _ ("Nearest base decoders");
    case CS_NEIGHBOUR_CHAT:
      return _ ("Nearest chat decoders");
    case CS_NEIGHBOUR_BOTH:
      return _ ("Nearest, both parts");
    default:
      return _ ("Fire on the same tokens");
    }
}

char *
cs_latent_kin_cards_as_text (CsLatentKinCards *self)
{
  GString *text = g_string_new (NULL);

  g_return_val_if_fail (CS_IS_LATENT_KIN_CARDS (self), NULL);
  if (self->latent >= 0 && gtk_widget_get_first_child (GTK_WIDGET (self->latents[1])) != NULL)
    for (int m = 0; m < 2; m++)
      g_string_append_printf (text, "%s: %s\n%s: %s\n",
                              m == 0 ? _ ("Base promotes") : _ ("Chat promotes"),
                              gtk_label_get_text (self->promoted[m]),
                              m == 0 ? _ ("Base suppresses") : _ ("Chat suppresses"),
                              gtk_label_get_text (self->suppressed[m]));
  for (size_t row = 0; row < N_ROWS; row++)
    append_row (self, text, row, row_title (row));
  return g_string_free (text, FALSE);
}

/* --- Building --- */

static GtkWidget *
new_label (const char *css_class)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 34);
  if (css_class != NULL)
    gtk_widget_add_css_class (label, css_class);
  return label;
}

static GtkWidget *
new_card (CsLatentKinCards *self, const char *title, GtkWidget *suffix)
{
  GtkWidget *header = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *heading = new_label ("heading");
  GtkWidget *card = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *inside = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  gtk_label_set_text (GTK_LABEL (heading), title);
  gtk_widget_set_hexpand (heading, TRUE);
  gtk_box_append (GTK_BOX (header), heading);
  if (suffix != NULL)
    gtk_box_append (GTK_BOX (header), suffix);
  gtk_box_append (GTK_BOX (self), header);
  gtk_widget_add_css_class (card, "card");
  gtk_widget_set_margin_top (inside, 12);
  gtk_widget_set_margin_bottom (inside, 12);
  gtk_widget_set_margin_start (inside, 12);
  gtk_widget_set_margin_end (inside, 12);
  gtk_box_append (GTK_BOX (card), inside);
  gtk_box_append (GTK_BOX (self), card);
  return inside;
}

/* A small title over a wrapping value that it names. */
static GtkLabel *
add_field (GtkWidget *box, const char *title)
{
  GtkWidget *name = new_label ("caption"), *value = new_label (NULL);

  gtk_label_set_text (GTK_LABEL (name), title);
  gtk_widget_add_css_class (name, "dim-label");
  gtk_label_set_selectable (GTK_LABEL (value), TRUE);
  gtk_accessible_update_relation (GTK_ACCESSIBLE (value), GTK_ACCESSIBLE_RELATION_LABELLED_BY, name,
                                  NULL, -1);
  gtk_box_append (GTK_BOX (box), name);
  gtk_box_append (GTK_BOX (box), value);
  return GTK_LABEL (value);
}

static void
build_lens (CsLatentKinCards *self)
{
  GtkWidget *inside = new_card (self, _ ("Logit Lens"), NULL);

  gtk_widget_set_tooltip_text (gtk_widget_get_parent (inside),
                               _ ("Tokens that the latent's decoder makes likelier and less "
                                  "likely, through each model's own "
                                  "final norm and head"));
  self->lens_grid = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  for (int m = 1; m >= 0; m--)
    {
      self->promoted[m] =
          add_field (self->lens_grid, m == 0 ? _ ("Base promotes") : _ ("Chat promotes"));
      self->suppressed[m] =
          add_field (self->lens_grid, m == 0 ? _ ("Base suppresses") : _ ("Chat suppresses"));
    }
  gtk_box_append (GTK_BOX (inside), self->lens_grid);
  self->lens_note = GTK_LABEL (new_label ("dim-label"));
  gtk_box_append (GTK_BOX (inside), GTK_WIDGET (self->lens_note));
}

static void
build_row (CsLatentKinCards *self, GtkWidget *inside, size_t row)
{
  GtkWidget *title = new_label ("caption"), *box = gtk_flow_box_new ();

  gtk_label_set_text (GTK_LABEL (title), row_title (row));
  gtk_widget_add_css_class (title, "dim-label");
  gtk_flow_box_set_selection_mode (GTK_FLOW_BOX (box), GTK_SELECTION_NONE);
  gtk_flow_box_set_max_children_per_line (GTK_FLOW_BOX (box), 3);
  gtk_flow_box_set_min_children_per_line (GTK_FLOW_BOX (box), 2);
  gtk_flow_box_set_homogeneous (GTK_FLOW_BOX (box), TRUE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (box), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  row_title (row), -1);
  self->latents[row] = GTK_FLOW_BOX (box);
  self->notes[row] = GTK_LABEL (new_label ("dim-label"));
  gtk_box_append (GTK_BOX (inside), title);
  gtk_box_append (GTK_BOX (inside), GTK_WIDGET (self->notes[row]));
  gtk_box_append (GTK_BOX (inside), box);
}

static void
cs_latent_kin_cards_dispose (GObject *object)
{
  CsLatentKinCards *self = CS_LATENT_KIN_CARDS (object);

  g_clear_handle_id (&self->load_source, g_source_remove);
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  self->latent = -1;
  g_clear_pointer (&self->source, cs_kin_source_unref);
  G_OBJECT_CLASS (cs_latent_kin_cards_parent_class)->dispose (object);
}

static void
cs_latent_kin_cards_class_init (CsLatentKinCardsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_latent_kin_cards_dispose;
  signals[LATENT_ACTIVATED] =
      g_signal_new ("latent-activated", CS_TYPE_LATENT_KIN_CARDS, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                    NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
}

static void
cs_latent_kin_cards_init (CsLatentKinCards *self)
{
  GtkWidget *inside, *spinner = gtk_spinner_new ();

  self->latent = -1;
  self->spinner = GTK_SPINNER (spinner);
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  gtk_box_set_spacing (GTK_BOX (self), 12);
  build_lens (self);
  inside = new_card (self, _ ("Similar Latents"), spinner);
  for (size_t row = 0; row < N_ROWS; row++)
    build_row (self, inside, row);
  cs_latent_kin_cards_show (self, -1);
}
