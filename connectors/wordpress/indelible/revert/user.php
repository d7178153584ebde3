<?php
declare( strict_types=1 );

namespace Indelible\Revert;

use Indelible\Coverage\Users;
use Indelible\Watcher;

/** Fields of profiles. Who may do what, and with which password, is decided in WordPress. */
final class User extends Subject {
	private const COLUMNS = array( 'email' => 'user_email', 'nicename' => 'user_nicename', 'display_name' => 'display_name', 'url' => 'user_url' );

	protected function watcher(): Watcher {
		return self::watched_by( Users::class );
	}

	public function change( array $before, array $wanted ): void {
		$id     = $this->id();
		$fields = self::changed( $before, $wanted );
		foreach ( array_keys( array_diff_key( $fields, self::COLUMNS + array( 'meta' => true ) ) ) as $field ) {
			throw new Impossible( "/$field is not put back from here: names, roles and passwords are set in WordPress" );
		}
		foreach ( array_keys( (array) ( $fields['meta'] ?? array() ) ) as $key ) {
			$is_changed = ! Places::same( Places::find( $before, '/meta/' . strtr( (string) $key, array( '~' => '~0', '/' => '~1' ) ) ), array( $fields['meta'][ $key ] ) );
			if ( $is_changed && ( preg_match( '/(capabilities|user_level|source_domain|primary_blog)$/', (string) $key ) || ! Users::is_told( (string) $key ) ) ) {
				throw new Impossible( "the metadata `$key` decides what a user may do, which is done in WordPress" );
			}
		}
		$columns = self::columns( array_diff_key( $fields, array( 'meta' => true ) ), self::COLUMNS );
		if ( isset( $columns['user_email'] ) && email_exists( $columns['user_email'] ) && email_exists( $columns['user_email'] ) !== $id ) {
			throw new Impossible( 'another user has that address now' );
		}
		if ( $columns ) {
			self::done( wp_update_user( wp_slash( array( 'ID' => $id ) + $columns ) ) );
		}
		Meta::change( 'user', $id, (array) ( $before['meta'] ?? array() ), (array) ( $wanted['meta'] ?? array() ) );
	}

	public function make( array $wanted ): void {
		throw new Impossible( 'a deleted user is made again in WordPress: the log has neither password nor what was given to others' );
	}
}
