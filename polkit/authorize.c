/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One question to polkit, as the numbered list in the header says. */

#include <errno.h>
#include <stdio.h>

#include "polkit/authorize.h"
#include "service/host/array.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

/* CheckAuthorizationFlags of polkit's D-Bus interface. */
#define ALLOW_USER_INTERACTION 1u

/* For an answer that needs no person: rules are scripts that polkitd itself ends after 15 s, and callers of
 * ours give up at 25. */
#define RULES_TIMEOUT_USEC (10 * 1000 * 1000ULL)

struct question {
        sd_bus *bus;
        char *subject;
        bool may_interact;

        const struct checks *checks;
        size_t next;

        struct check *to_be_asked; /* those that need a person: borrowed from CHECKS */
        size_t n_to_be_asked;
        struct checks combined; /* with several of them, the question that stands for all */

        char cancellation_id[32]; /* "" while no dialog can be open */
        sd_bus_slot *slot;
        answered_t answered;
        void *userdata;
};

static int put(struct question *question, const struct check *check, bool interactive);

static int answer(struct question *question, enum failure_kind kind, const char *message) {
        _cleanup_failure_ struct failure failure = {};

        if (kind != FAILURE_NONE)
                fail(&failure, kind, "%s", message);

        question->cancellation_id[0] = '\0';
        question->answered(&failure, question->userdata); /* may free the question */
        return 1;
}

static int deny(struct question *question, const struct check *check, const char *why) {
        _cleanup_free_ char *message = NULL;

        if (asprintf(&message, "Not authorized for %s on %s: %s", check->action, check_detail(check, "name"),
                     why) < 0)
                message = NULL;
        return answer(question, FAILURE_ACCESS_DENIED, strempty(message));
}

static int put_to_person(struct question *question) {
        const struct checks left = { question->to_be_asked, question->n_to_be_asked };
        int r;

        if (!question->may_interact) {
                _cleanup_free_ char *message = NULL;

                if (asprintf(&message,
                             "%s on %s needs interactive authentication, which the caller did not allow",
                             left.array[0].action, check_detail(&left.array[0], "name")) < 0)
                        message = NULL;
                return answer(question, FAILURE_INTERACTION_REQUIRED, strempty(message));
        }

        if (left.n == 1)
                return put(question, &left.array[0], true);

        r = checks_combine(&left, &question->combined);
        if (r < 0)
                return r;
        return put(question, &question->combined.array[0], true);
}

static int go_on(struct question *question) {
        if (question->next < question->checks->n)
                return put(question, &question->checks->array[question->next], false);
        if (question->n_to_be_asked > 0)
                return put_to_person(question);

        return answer(question, FAILURE_NONE, NULL);
}

static int note_for_person(struct question *question, const struct check *check) {
        struct check *slot = array_append(&question->to_be_asked, &question->n_to_be_asked, sizeof(*slot));

        if (!slot)
                return -ENOMEM;
        *slot = *check;
        return 0;
}

static int read_result(sd_bus_message *reply, int *ret_authorized, int *ret_challenge) {
        int r;

        r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r < 0)
                return r;
        return sd_bus_message_read(reply, "bb", ret_authorized, ret_challenge);
}

/* The answer of the rules. */
static int on_rules(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct question *question = userdata;
        const struct check *check = &question->checks->array[question->next];
        int r, authorized, challenge;

        if (sd_bus_message_is_method_error(reply, NULL))
                return deny(question, check, "polkit does not answer");

        r = read_result(reply, &authorized, &challenge);
        if (r < 0)
                return deny(question, check, "polkit's answer cannot be understood");

        if (!authorized && !challenge)
                return deny(question, check, "polkit does not allow it");
        if (!authorized && note_for_person(question, check) < 0)
                return deny(question, check, "not enough memory");

        question->next++;
        r = go_on(question);
        return r < 0 ? deny(question, check, "polkit cannot be asked") : r;
}

/* The answer of a person. */
static int on_person(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct question *question = userdata;
        const struct check *check =
                        question->combined.n > 0 ? &question->combined.array[0] : &question->to_be_asked[0];
        int authorized, challenge;

        if (sd_bus_message_is_method_error(reply, NULL) || read_result(reply, &authorized, &challenge) < 0)
                return deny(question, check, "polkit does not answer");
        if (!authorized)
                return deny(question, check,
                            challenge ? "nobody there could be asked" : "authentication failed");

        return answer(question, FAILURE_NONE, NULL);
}

static int append_details(sd_bus_message *message, char *const *details) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "{ss}");
        for (char *const *d = details; r >= 0 && d && *d; d += 2)
                r = sd_bus_message_append(message, "{ss}", d[0], d[1]);
        return r >= 0 ? sd_bus_message_close_container(message) : r;
}

/* Puts CHECK to polkit. Returns 1, since the answer comes later, or a negative errno. */
static int put(struct question *question, const struct check *check, bool interactive) {
        sd_bus_message *message = NULL;
        int r;

        question->slot = sd_bus_slot_unref(question->slot);
        if (interactive)
                snprintf(question->cancellation_id, sizeof(question->cancellation_id), "%p",
                         (void *) question);

        r = sd_bus_message_new_method_call(question->bus, &message, POLKIT_NAME, POLKIT_PATH,
                                           POLKIT_INTERFACE, "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(message, "(sa{sv})s", "system-bus-name", 1, "name", "s",
                                          question->subject, check->action);
        if (r >= 0)
                r = append_details(message, check->details);
        if (r >= 0)
                r = sd_bus_message_append(message, "us", interactive ? ALLOW_USER_INTERACTION : 0u,
                                          question->cancellation_id);
        if (r >= 0)
                r = sd_bus_call_async(question->bus, &question->slot, message,
                                      interactive ? on_person : on_rules, question,
                                      interactive ? UINT64_MAX : RULES_TIMEOUT_USEC);

        sd_bus_message_unref(message);
        return r < 0 ? r : 1;
}

int authorize(sd_bus_message *message, const struct checks *checks, answered_t answered, void *userdata,
              struct question **ret) {
        struct question *question = calloc(1, sizeof(*question));
        int r;

        if (!question)
                return -ENOMEM;

        question->bus = sd_bus_ref(sd_bus_message_get_bus(message));
        question->may_interact = sd_bus_message_get_allow_interactive_authorization(message) > 0;
        question->checks = checks;
        question->answered = answered;
        question->userdata = userdata;
        question->subject = strdup(sd_bus_message_get_sender(message));

        r = question->subject ? go_on(question) : -ENOMEM;
        if (r < 0) {
                question_free(question);
                return r;
        }

        *ret = question;
        return 0;
}

static void cancel(struct question *question) {
        (void) sd_bus_call_method_async(question->bus, NULL, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                        "CancelCheckAuthorization", NULL, NULL, "s",
                                        question->cancellation_id);
}

struct question *question_free(struct question *question) {
        if (!question)
                return NULL;

        if (question->cancellation_id[0] != '\0')
                cancel(question);
        sd_bus_slot_unref(question->slot);
        sd_bus_unref(question->bus);
        checks_clear(&question->combined);
        free(question->to_be_asked);
        free(question->subject);
        free(question);
        return NULL;
}
