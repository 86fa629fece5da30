"""What Slack's refusal of a message is about, and so who can mend it."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """What was refused."""

    TOKEN = "token"  # noqa: S105  (a word, no secret)
    """The token: nothing gets through until a person mends it."""
    RIGHTS = "rights"
    """What the app may do, or anything else that only a person can mend."""
    CHANNEL = "channel"
    """This channel: it is not there, is archived, or the app is not in it."""
    CONTENT = "content"
    """This message: Slack will never take it as it is."""
    THREAD = "thread"
    """The thread, or the message to change, is gone: a person has deleted it."""


_CODES = {
    Refusal.TOKEN: {
        *("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"),
        *("not_allowed_token_type", "access_denied", "ekm_access_denied"),
    },
    Refusal.CHANNEL: {
        *("channel_not_found", "not_in_channel", "is_archived", "channel_is_archived"),
        *("restricted_action", "restricted_action_read_only_channel", "no_permission"),
        *("restricted_action_thread_only_channel", "restricted_action_non_threadable_channel"),
        *("posting_to_general_channel_denied", "channel_type_not_supported"),
        *("team_not_found", "invalid_channel", "slack_connect_file_upload_sharing_blocked"),
    },
    Refusal.CONTENT: {
        *("invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"),
        *("no_text", "too_many_attachments", "metadata_too_large", "invalid_metadata_format"),
        *("invalid_metadata_schema", "metadata_must_be_sent_from_app", "invalid_arguments"),
        *("invalid_form_data", "invalid_json", "block_mismatch", "as_user_not_supported"),
    },
    Refusal.THREAD: {
        *("thread_not_found", "thread_locked", "cannot_reply_to_message", "message_not_found"),
        *("cant_update_message", "edit_window_closed", "is_inactive", "invalid_thread_ts"),
    },
}


def refusal_of(code: str) -> Refusal:
    """Return what an error code of Slack's is about; one that is not known is a person's matter.

    Example:
        >>> refusal_of("is_archived"), refusal_of("token_revoked")
        (<Refusal.CHANNEL: 'channel'>, <Refusal.TOKEN: 'token'>)
        >>> refusal_of("missing_scope")
        <Refusal.RIGHTS: 'rights'>
    """
    return next((kind for kind, codes in _CODES.items() if code in codes), Refusal.RIGHTS)
