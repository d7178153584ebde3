<?php
declare( strict_types=1 );

namespace Indelible\Admin;

use Indelible\Outbox;
use Indelible\Settings;

/** Who sees the log within wp-admin: on a network super admins alone, else those who may change its settings. */
final class Access {
	public static function capability(): string {
		return is_multisite() ? 'manage_network' : 'manage_options';
	}

	public static function may_see(): bool {
		return current_user_can( self::capability() );
	}

	/** Whoever may not change something himself may not have it put back either. */
	public static function may_revert( string $type, string $id ): bool {
		if ( ! self::may_see() ) {
			return false;
		}
		return match ( true ) {
			'user' === $type => current_user_can( 'edit_user', (int) $id ),
			'comment' === $type && null !== get_comment( (int) $id ) => current_user_can( 'edit_comment', (int) $id ),
			post_type_exists( $type ) && get_post_type( (int) $id ) === $type => current_user_can( 'edit_post', (int) $id ),
			default => true,
		};
	}

	/** Why nothing can be shown now; empty when it can. Known without asking the server, so that no page waits for it. */
	public static function obstacle(): string {
		if ( '' === Settings::url() || '' === Settings::admin_token() ) {
			return __( 'To see the log here, set INDELIBLE_ADMIN_TOKEN in wp-config.php.', 'indelible' );
		}
		foreach ( Outbox::status() as $log ) {
			if ( $log->failures > 0 ) {
				/* translators: %s: what went wrong */
				return sprintf( __( 'The log cannot be reached at present: %s', 'indelible' ), (string) $log->error );
			}
		}
		return '';
	}
}
