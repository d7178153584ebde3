<?php
declare( strict_types=1 );

namespace Indelible\Revert;

use Indelible\Coverage\Comments;
use Indelible\Watcher;

/** Comments. */
final class Comment extends Subject {
	private const COLUMNS = array(
		'post'         => 'comment_post_ID',
		'type'         => 'comment_type',
		'author'       => 'comment_author',
		'author_email' => 'comment_author_email',
		'author_url'   => 'comment_author_url',
		'author_ip'    => 'comment_author_IP',
		'user'         => 'user_id',
		'date'         => 'comment_date',
		'content'      => 'comment_content',
		'parent'       => 'comment_parent',
	);
	/** The words of states, and those of WordPress' functions. */
	private const STATUS  = array( 'approved' => array( '1', 'approve' ), 'hold' => array( '0', 'hold' ), 'spam' => array( 'spam', 'spam' ), 'trash' => array( 'trash', 'trash' ) );

	protected function watcher(): Watcher {
		return self::watched_by( Comments::class );
	}

	public function change( array $before, array $wanted ): void {
		$id      = $this->id();
		$fields  = self::changed( $before, $wanted );
		$columns = $this->given( array_diff_key( $fields, array( 'status' => true, 'meta' => true ) ) );
		if ( $columns ) {
			self::done( wp_update_comment( wp_slash( array( 'comment_ID' => $id ) + $columns ), true ) );
		}
		if ( isset( $fields['status'] ) ) {
			self::done( wp_set_comment_status( $id, self::status( $fields['status'] )[1], true ) );
			delete_comment_meta( $id, '_wp_trash_meta_status' );
			delete_comment_meta( $id, '_wp_trash_meta_time' );
		}
		Meta::change( 'comment', $id, (array) ( $before['meta'] ?? array() ), (array) ( $wanted['meta'] ?? array() ) );
	}

	/** WordPress gives comments no id of one's choice. */
	public function make( array $wanted ): void {
		global $wpdb;
		$id   = $this->id();
		$more = array( 'comment_ID' => $id, 'comment_approved' => self::status( $wanted['status'] ?? '' )[0] );
		self::done( $wpdb->insert( $wpdb->comments, $more + $this->given( array_diff_key( $wanted, array( 'status' => true, 'meta' => true ) ) ) ) );
		clean_comment_cache( $id );
		Meta::change( 'comment', $id, array(), (array) ( $wanted['meta'] ?? array() ) );
		wp_update_comment_count( (int) ( $wanted['post'] ?? 0 ) );
		do_action( 'wp_insert_comment', $id, get_comment( $id ) );
	}

	private static function status( mixed $status ): array {
		return self::STATUS[ is_string( $status ) ? $status : '' ] ?? throw new Impossible( 'its status comes from its post: put the post back' );
	}

	private function given( array $fields ): array {
		$columns = self::columns( $fields, self::COLUMNS );
		if ( isset( $columns['comment_post_ID'] ) && ! get_post( (int) $columns['comment_post_ID'] ) ) {
			throw new Impossible( 'the post that it was on is not there any more' );
		}
		if ( isset( $columns['comment_date'] ) ) {
			$columns['comment_date_gmt'] = get_gmt_from_date( $columns['comment_date'] );
		}
		return $columns;
	}
}
